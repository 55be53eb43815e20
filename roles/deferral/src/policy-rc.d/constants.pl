# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- Constants ---

# Written under "use strict", as a test checks; but loading even that takes a tenth of the time that an answer takes.

# Codes for the shell; whatever else Perl ends with means that it could not decide.
our ($ALLOWED, $DENIED) = (10, 101);
our @DISRUPTIVE = ('stop', 'restart', 'try-restart');
our %ACTIONS_OF = (    # what an action comes down to, where it is not its own name
    'force-reload'          => ['reload', 'restart'],
    'reload-or-restart'     => ['reload', 'restart'],
    'try-reload-or-restart' => ['reload', 'try-restart'],
    'condrestart'           => ['try-restart'],
    'upgrade'               => ['upgrade', 'restart'],    # nginx's init script: a new program takes over
);

# On whose account a restart waits of which systemd does not say what it takes along.
our $NO_ANSWER = { type => 'orderly', name => 'systemd-does-not-answer', file => '' };

our $OTHER_SUFFIX = qr/\.(?:socket|target|timer|path|mount|automount|swap|slice|scope|device)$/;

our $ROOT     = shift @ARGV;
our $POLICIES = "$ROOT/etc/policy-rc.d";
our $CHAINED  = "$ROOT/usr/lib/orderly/policy-rc.d.chained";
our $KNOWN    = "$ROOT/var/lib/orderly/policy.known";
our $PAUSED   = "$ROOT/var/lib/orderly/paused";
our $FORMAT   = 1;    # of records
our @RECORDS  = ("$ROOT/var/lib/policy-rc.d", "$ROOT/run/policy-rc.d");    # the second one for when the first is full
our $RUN      = "$ROOT/run/orderly";
our $LINKS    = "$RUN/units.links";
our $STARTED  = "$ROOT/run/systemd/units";
our @ABOUT_UNITS = ('Id', 'Type', 'LoadState', 'ActiveState', 'InactiveEnterTimestamp', 'InvocationID', 'CanReload', 'Triggers');
our @TAKES_ALONG = ('RequiredBy', 'RequisiteOf', 'BoundBy', 'ConsistsOf', 'PropagatesStopTo');    # of systemd's units
our @UNITS    = map { "$ROOT$_" } (    # in systemd's order: the first that has a name decides
    '/etc/systemd/system', '/run/systemd/system', '/run/systemd/generator', '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system', '/lib/systemd/system', '/run/systemd/generator.late',
);
$SIG{$_} = 'IGNORE' for 'HUP', 'INT', 'TERM', 'PIPE', 'XFSZ';
