# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our ($ROOT, @RECORDS, $RUN, $NO_ANSWER, $FORMAT);

# --- Records ---

# deb-systemd-invoke drops the whole call at the first denial, so every unit of the call is recorded: those that a policy
# blocks, and under the policy that denied it those that none does.
sub record_call {
    my ($question, $policies, $caller, $verdicts) = @_;
    my $actions = [split ' ', $question->[2]];
    my ($denied_by) = map { @{ $verdicts->{$_}{blocked_by} } } sort keys %$verdicts;
    my %units = map { $_ => 1 } keys %$verdicts, map { concrete($_, $caller) } @{ $caller->{units} };
    my $lock = lock_records();
    for my $unit (sort grep { !is_pattern($_) } keys %units) {
        my $verdict = $verdicts->{$unit} || verdict($unit, $actions, [@$policies, is_chained() ? chained($caller, $question, $unit) : ()]);
        my $collateral = !is_blocked($verdict);
        # What does not run has nothing to restart; but it would have been started if it were not for the neighbour, or if
        # it has failed.
        my $activity = activity($unit);
        my $starts = $collateral ? qr/^(?:re)?start$/ : $activity eq 'failed' ? qr/^restart$/ : qr/^\b$/;
        next if $activity =~ /^(?:inactive|failed)$/ && !grep { $_ =~ $starts } @$actions;
        record($unit, $actions, $caller, $_, $verdict) for $collateral ? $denied_by : @{ $verdict->{blocked_by} };
    }
    merge_fallback() if -d $RECORDS[1];
}

sub record {
    my ($unit, $actions, $caller, $policy, $verdict) = @_;
    my $name = record_name($policy->{type}, $policy->{name}, $unit);
    # What a newer version wrote stays as it is: it may mean what this one cannot know.
    $name =~ s/\.deferred$/.format-$FORMAT.deferred/ if grep { is_newer(read_any_record("$_/$name")) } @RECORDS;
    my %now  = (
        boot_id       => first_line("/proc/sys/kernel/random/boot_id"),
        invocation_id => invocation($unit),
    );
    my @executables = executables($unit);
    my $old = old_record($name, \%now, \@executables);
    my %actions = map { $_ => 1 } @$actions, @{ $old->{actions} || [] };
    my $reason = defined $old->{reason} ? $old->{reason} : '';
    my %record = (
        %now,
        action                => effective(keys %actions),
        actions               => [sort keys %actions],
        collateral            => is_blocked($verdict) && $policy != $NO_ANSWER ? 'false' : 'true',
        count                 => ($old->{count} || 0) + 1,
        executables           => $old->{executables} || \@executables,
        first_timestamp       => $old->{first_timestamp} || time,
        format                => $FORMAT,
        maintainer_script     => join(' ', grep { length } $caller->{script}, @{ $caller->{arguments} }),
        package               => $ENV{DPKG_MAINTSCRIPT_PACKAGE},
        package_before        => defined $old->{package_before} ? $old->{package_before} : package_before($caller),
        policy_requestor_name => $policy->{name},
        policy_requestor_type => $policy->{type},
        reason                => $reason =~ /^(?:Package update|$)/ ? $reason || 'Package update' : "Package update; $reason",
        service               => $unit,
        timestamp             => time,
        undone_by_version     => is_undone_by_version($caller, $old) ? 'true' : 'false',
        unit                  => $unit,
    );
    $record{drags} = $verdict->{drags} if @{ $verdict->{drags} };
    store($name, join '', map { "$_: " . yaml_value($_, $record{$_}) . "\n" } sort keys %record);
}

sub store {
    my ($name, $text) = @_;
    my ($lasting, $fallback) = @RECORDS;
    if (write_file("$lasting/$name", $text)) {
        unlink "$fallback/$name", grep { !is_newer(read_any_record($_)) } "$lasting/" . ($name =~ s/deferred$/dismissed/r);
        return;
    }
    return if write_file("$fallback/$name", $text);
    trouble("the record $name could be written neither to $lasting nor to $fallback");
}

# The record so far, unless the unit was started again since: then that is settled, and this is a new one.
sub old_record {
    my ($name, $now, $executables) = @_;
    for my $file (map { "$_/$name" } reverse @RECORDS) {
        my $old = read_record($file) or next;
        next if grep { (defined $old->{$_} ? $old->{$_} : '') ne (defined $now->{$_} ? $now->{$_} : '') } keys %$now;
        delete @$old{ grep { ref $old->{$_} ne 'ARRAY' } 'actions', 'executables' };
        delete @$old{ grep { !defined $old->{$_} || $old->{$_} !~ /^\d{1,12}$/ } 'count', 'first_timestamp' };
        my $executed_anew = ($old->{action} || '') eq 'reload' && "@{ $old->{executables} || [] }" ne "@$executables";
        return $old if !$executed_anew;
    }
    return {};
}

sub is_newer { my ($record) = @_; return defined $record && defined $record->{format} && $record->{format} ne $FORMAT }

sub read_record { my $record = read_any_record($_[0]); return is_newer($record) ? undef : $record }

# Our own records are one key a line; what is laid out in another way needs more to be read.
sub read_any_record {
    my ($file) = @_;
    my (undef, undef, undef, $links, $owner) = lstat $file;
    return if !$links || !-f _ || $owner && $owner != $>;
    my $text = slurp($file);
    return if !defined $text || $text eq '';
    my %record;
    for my $line (split /\n/, $text) {
        my ($key, $list, $value) = $line =~ /^([a-z_]+): (?:\[(.*)\]|("(?:[^"\\]|\\.)*"|[\w@.+-]+(?: [\w@.+-]+)*))$/
            or return parsed($text);
        $record{$key} = defined $list ? [map { unquote($_) } $list =~ /("(?:[^"\\]|\\.)*"|[^,"\s][^,"]*)/g]
            : $value eq 'null' ? undef : unquote($value);
    }
    return \%record;
}

sub record_name {
    my ($type, $requestor, $unit) = @_;
    s/([^\w.+])/sprintf '%%%02x', ord $1/age for $type, $requestor;
    $unit =~ s/([^\w\@:.+-])/sprintf '%%%02x', ord $1/age;
    my $name = "$type-$requestor-$unit";
    if (length $name > 220) {
        my $checksum = 5381;
        $checksum = ($checksum * 33 + $_) & 0xffffffff for unpack 'C*', $name;
        $name = substr($name, 0, 200) . sprintf '%08x', $checksum;
    }
    return "$name.deferred";
}

# What has to be done to the unit in the end: a stop that was to be followed by a start is a restart.
sub effective {
    my @actions = @_;
    return 'restart' if grep { /restart|stop|force-reload|upgrade/ } @actions;
    return (grep { $_ eq 'reload' } @actions) ? 'reload' : join ' ', sort @actions;
}

# The version that ran before, which not every script is told: postinst is told another package's paths by a trigger.
sub package_before {
    my ($caller) = @_;
    my ($what, $version) = (@{ $caller->{arguments} }, '', '');
    my $call = "$caller->{script} $what";
    return $version if $version ne '' && $call =~ /^(?:postinst configure|preinst upgrade|(?:prerm|postrm) failed-upgrade)$/;
    return version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE}) if $call =~ /^prerm (?:upgrade|remove|deconfigure)$/;
    return undef;
}

# Whether the restart is wanted for nothing but another version of one package, so that the version before, were it
# installed again, would need none.
sub is_undone_by_version {
    my ($caller, $old) = @_;
    return 0 if !$ENV{DPKG_MAINTSCRIPT_PACKAGE} || !is_of_another_version($caller);
    return 1 if !%$old;
    return ($old->{undone_by_version} || '') eq 'true' && ($old->{package} || '') eq $ENV{DPKG_MAINTSCRIPT_PACKAGE};
}

sub is_of_another_version {
    my ($caller) = @_;
    my ($what, $version, $new) = (@{ $caller->{arguments} }, '', '', '');
    my $call = "$caller->{script} $what";
    return $version ne $new && $new ne '' if $call eq 'preinst upgrade';
    return 0 if $version eq '' || $call !~ /^(?:postinst configure|prerm upgrade)$/;
    my $on_file = version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE});
    return defined $on_file && $on_file ne $version;
}

# As dpkg has it on file, where nothing changes before prerm has ended; what it noted last it adds to the file later.
sub version_in_status {
    my ($package) = @_;
    my $version;
    for my $file ("$ROOT/var/lib/dpkg/status", files("$ROOT/var/lib/dpkg/updates", qr/^[0-9]/)) {
        open my $status, '<', $file or next;
        local $/ = '';    # a paragraph at a time
        while (my $paragraph = <$status>) {
            next if !defined $package || index($paragraph, "Package: $package\n") != 0;
            $version = $1 if $paragraph =~ /^Version: (\S+)/m;
            last;
        }
    }
    return $version;
}

# Device and inode of the programs that a unit runs: a reload that executes a new one keeps PID and invocation id.
sub executables {
    my ($unit) = @_;
    my %running;
    for my $hierarchy ('', '/systemd', '/unified') {
        my $slice = "$ROOT/sys/fs/cgroup$hierarchy/system.slice";
        my ($template) = $unit =~ /^([^@]+)@/;
        my $group = defined $template ? "$slice/system-$template.slice/$unit" : "$slice/$unit";
        my $pids = slurp("$group/cgroup.procs");
        for my $pid (split /\n/, defined $pids ? $pids : '') {
            my ($device, $inode) = stat "/proc/$pid/exe";
            $running{"$device:$inode"} = 1 if defined $inode;
        }
    }
    return sort keys %running;
}

# Packages are configured one at a time, but nothing forbids many callers; a lock that hangs must not hang dpkg.
sub lock_records {
    mkdir $RUN, 0755;
    my (undef, undef, $mode, undef, $owner) = lstat "$RUN/records.lock";
    # One that others can open, as the first versions made it, may be held by anybody.
    unlink "$RUN/records.lock" if defined $mode && (!-f _ || $mode & 077 || $owner != $>);
    sysopen my $lock, "$RUN/records.lock", 0102, 0600 or return;    # O_CREAT | O_RDWR
    my $is_held = eval {
        local $SIG{ALRM} = sub { die "somebody else holds it\n" };
        alarm 10;
        flock $lock, 2;    # exclusive
        alarm 0;
        1;
    };
    return $lock if $is_held;
    trouble("$RUN/records.lock has been held by another process for more than ten seconds: records were written without it");
    return;
}

sub first_line { my ($text) = map { defined $_ ? $_ : '' } slurp($_[0]); $text =~ s/\n.*//s; return $text }

sub yaml_value {
    my ($key, $value) = @_;
    return '[' . join(', ', map { yaml_scalar($_) } @$value) . ']' if ref $value;
    return 'null' if !defined $value;
    return $value if $key =~ /^(?:count|format|timestamp|first_timestamp|collateral|undone_by_version)$/;
    return yaml_scalar($value);
}

sub yaml_scalar {
    my ($text) = @_;
    return $text if $text =~ /^[A-Za-z][\w@.-]*(?: [A-Za-z][\w@.-]*)*\z/ && $text !~ /^(?:y|n|yes|no|on|off|true|false|null)$/i;
    $text =~ s/(["\\])/\\$1/g;
    utf8::decode($text);
    $text =~ s/([^\x20-\x7e])/my $c = ord $1; sprintf $c < 256 ? '\\x%02x' : $c < 65536 ? '\\u%04x' : '\\U%08x', $c/ge;
    utf8::encode($text);
    return qq("$text");
}
