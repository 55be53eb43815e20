# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;

# --- Constants ---

# Written under "use strict", as a test checks; but loading even that takes a tenth of the time that an answer takes.

# Codes for the shell; whatever else Perl ends with means that it could not decide.
our ($ALLOWED, $DENIED) = (10, 101);

our %OTHER_TYPES = map { (".$_" => 1) } qw(socket target timer path mount automount swap slice scope device);    # than services

# Words that need no quotes in YAML, unless they mean something else.
our $WORDS = qr/^[\w@.+-]+(?: [\w@.+-]+)*\z/a;

our $ROOT     = shift @ARGV;
our $POLICIES = "$ROOT/etc/policy-rc.d";
our $CHAINED  = "$ROOT/usr/lib/orderly/policy-rc.d.chained";
our $KNOWN    = "$ROOT/var/lib/orderly/policy.known";
our $PAUSED   = "$ROOT/var/lib/orderly/paused";
our $FORMAT   = 1;    # of records
our @RECORDS  = ("$ROOT/var/lib/policy-rc.d", "$ROOT/run/policy-rc.d");    # the second one for when the first is full
our $RUN      = "$ROOT/run/orderly";
our $RECENTLY = time - 2;    # what changed since may change again without a trace in its times: it is not taken as known
our $LINKS    = "$RUN/units.links";
our $STARTED  = "$ROOT/run/systemd/units";
our @UNITS    = map { "$ROOT$_" } (    # in systemd's order: the first that has a name decides
    '/etc/systemd/system', '/run/systemd/system', '/run/systemd/generator', '/usr/local/lib/systemd/system',
    '/usr/lib/systemd/system', '/lib/systemd/system', '/run/systemd/generator.late',
);
