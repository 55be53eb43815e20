# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- Actions that mean others ---

our %ACTIONS_OF = (    # what an action comes down to
    'force-reload'          => ['reload', 'restart'],
    'reload-or-restart'     => ['reload', 'restart'],
    'try-reload-or-restart' => ['reload', 'try-restart'],
    'condrestart'           => ['try-restart'],
    'upgrade'               => ['upgrade', 'restart'],    # nginx's init script: a new program takes over
);

sub meanings {
    my ($action, $unit) = @_;
    my $means = $ACTIONS_OF{$action} || [$action, $action =~ /^force-(.+)/ ? $1 : ()];
    return @$means > 1 && $means->[0] eq 'reload' && can_reload($unit) ? ($action, 'reload') : ($action, @$means);
}
