# What each tool is needed for, and the package that has it, by package manager. Read by scripts/setup (bash).
# tool | needed for | apt | dnf | pacman | zypper        ("-": not packaged there; "a b": several packages)
tool_table() {
  cat <<'TABLE'
npm|brings the pinned toolchain (Bun, TypeScript, Biome)|npm|nodejs-npm|npm|npm-default
cargo|builds the guest agent|cargo-web rustc-web|cargo|rust|cargo
cc|links the guest agent|gcc libc6-dev|gcc glibc-devel glibc-static|gcc|gcc glibc-devel-static
qemu-system-x86_64|runs the VMs|qemu-system-x86|qemu-system-x86-core|qemu-system-x86|qemu-x86
passt|gives VMs a network without root|passt|passt|passt|passt
mmdebstrap|builds the Debian image|mmdebstrap|mmdebstrap|-|mmdebstrap
/usr/share/keyrings/debian-archive-keyring.gpg|checks what mmdebstrap fetches|debian-archive-keyring|debian-keyring|debian-archive-keyring|debian-archive-keyring
sqfstar|packs images|squashfs-tools|squashfs-tools|squashfs-tools|squashfs
zstd|packs bundles of images and kernels|zstd|zstd|zstd|zstd
xz|unpacks kernels|xz-utils|xz|xz|xz
depmod|orders kernel modules|kmod|kmod|kmod|kmod
dpkg-deb|unpacks kernel packages|dpkg|dpkg|dpkg|dpkg
mkfs.ext4|formats VM disks|e2fsprogs|e2fsprogs|e2fsprogs|e2fsprogs
newuidmap|lets an ordinary user build images|uidmap|shadow-utils|shadow|shadow
ssh-keygen|reads and makes ssh keys|openssh-client|openssh-clients|openssh|openssh-clients
ssh|reaches VMs as any other host|openssh-client|openssh-clients|openssh|openssh-clients
/etc/ssl/certs/ca-certificates.crt|checks TLS certificates|ca-certificates|ca-certificates|ca-certificates|ca-certificates
TABLE
}

# The same for what only the tests and the bench use.
test_tool_table() {
  cat <<'TABLE'
hyperfine|times commands in the bench|hyperfine|hyperfine|hyperfine|hyperfine
ip|makes network namespaces in tests|iproute2|iproute|iproute2|iproute2
nsenter|enters namespaces that tests made|util-linux|util-linux|util-linux|util-linux
nft|filters packets in tests|nftables|nftables|nftables|nftables
iptables|acts as another firewall in tests|iptables|iptables-nft|iptables-nft|iptables
systemd-nspawn|boots hosts with systemd for tests|systemd-container|systemd-container|systemd|systemd-container
systemd-analyze|checks units in tests|systemd|systemd|systemd|systemd
setpriv|runs tests as an ordinary user|util-linux|util-linux|util-linux|util-linux
useradd|makes that user|passwd|shadow-utils|shadow|shadow
tar|makes archives in tests|tar|tar|tar|tar
cpio|reads back the initramfs in tests|cpio|cpio|cpio|cpio
lz4|packs blocks in tests, to compare|lz4|lz4|lz4|lz4
bzip2|packs archives in tests|bzip2|bzip2|bzip2|bzip2
/usr/bin/python3|tries what a confined tool may do, in tests|python3|python3|python|python3
pip3|fetches ssh clients in Python for tests|python3-pip|python3-pip|python-pip|python3-pip
rsync|copies files by ssh in tests|rsync|rsync|rsync|rsync
git|is the workspace's repository|git|git|git|git
skopeo|copies test images|skopeo|skopeo|skopeo|skopeo
umoci|unpacks test images, to compare|umoci|-|-|umoci
bsdtar|unpacks test images, to compare|libarchive-tools|bsdtar|libarchive|bsdtar
docker-registry|is the registry of tests|docker-registry|-|-|distribution-registry
openssl|makes certificates for tests|openssl|openssl|openssl|openssl
htpasswd|makes a registry's users in tests|apache2-utils|httpd-tools|apache|apache2-utils
setfattr|gives test files extended attributes|attr|attr|attr|attr
setcap|gives test files capabilities|libcap2-bin|libcap|libcap|libcap-progs
ssh-agent|holds keys for ssh in tests|openssh-client|openssh-clients|openssh|openssh-clients
man|formats the man pages in tests|man-db|man-db|man-db|man
bash|completes commands in tests|bash|bash|bash|bash
zsh|completes commands in tests|zsh|zsh|zsh|zsh
fish|completes commands in tests|fish|fish|fish|fish
dig|asks the DNS server in tests|bind9-dnsutils|bind-utils|bind|bind-utils
ps|finds what tests left running|procps|procps-ng|procps-ng|procps
TABLE
}
