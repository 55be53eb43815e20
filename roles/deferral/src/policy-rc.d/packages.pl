# SPDX-License-Identifier: GPL-3.0-or-later
use strict;
use warnings;
our $ROOT;

# --- What dpkg says of the package whose script asks ---

sub about_package {
    my ($caller, $old) = @_;
    return (
        package_before => defined $old->{package_before} ? $old->{package_before} : package_before($caller),
        undone_by_version => \(is_undone_by_version($caller, $old) ? 'true' : 'false'),
    );
}

# The version that ran before, which not every script is told: postinst is told another package's paths by a trigger.
sub package_before {
    my ($caller) = @_;
    my ($what, $version) = (@{ $caller->{arguments} }, '', '');
    my $call = "$caller->{script} $what";
    return $version if $version ne '' && is_one_of($call, 'postinst configure', 'preinst upgrade', 'prerm failed-upgrade', 'postrm failed-upgrade');
    return version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE}) if is_one_of($call, 'prerm upgrade', 'prerm remove', 'prerm deconfigure');
    return undef;
}

sub is_one_of { my ($text, @texts) = @_; return scalar grep { $_ eq $text } @texts }

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
    return 0 if $version eq '' || !is_one_of($call, 'postinst configure', 'prerm upgrade');
    my $on_file = version_in_status($ENV{DPKG_MAINTSCRIPT_PACKAGE});
    return defined $on_file && $on_file ne $version;
}

# As dpkg has it on file, where nothing changes before prerm has ended; what it noted last it adds to the file later.
sub version_in_status {
    my ($package) = @_;
    return if !defined $package;
    my $version;
    for my $file ("$ROOT/var/lib/dpkg/status", files("$ROOT/var/lib/dpkg/updates", qr/^[0-9]/)) {
        my $paragraph = paragraph_about($package, $file);
        $version = $1 if $paragraph =~ /^Version: (\S+)/m;
    }
    return $version;
}

# Piece by piece: the file is large, and memory that was not used yet takes time.
sub paragraph_about {
    my ($package, $file) = @_;
    my ($begin, $text) = ("\nPackage: $package\n", "\n");
    open my $status, '<', $file or return '';
    while (sysread $status, $text, 65536, length $text) {
        my $at = index $text, $begin;
        if ($at >= 0) {
            sysread $status, $text, 65536, length $text;
            return (split /\n\n/, substr($text, $at + 1), 2)[0];
        }
        $text = substr $text, -length $begin;
    }
    return '';
}
