/** What a guest does to its disk before it is saved, and how it lists what it has: Python, run in the guest as root. */

/** Every kind of change that an overlay's upper half can hold. */
export const changeScript = `
import os, shutil, struct, subprocess
def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f: f.write(data)
    os.chmod(path, mode)
os.makedirs("/srv/t")
write("/srv/t/new", os.urandom(300000))
write("/srv/t/empty", b"")
write("/srv/t/" + "long" * 60, b"long name")
write(b"/srv/t/not-utf8-\\xff\\xfe".decode("utf8", "surrogateescape"), b"odd")
write("/srv/t/suid", b"#!/bin/sh", 0o4755)
write("/srv/t/sgid", b"x", 0o2750)
os.mkdir("/srv/t/sticky"); os.chmod("/srv/t/sticky", 0o1777)
write("/srv/t/owned", b"x"); os.chown("/srv/t/owned", 3000000, 100000)
write("/srv/t/.whatever", b"its name begins like a mark")
write("/srv/t/.wh.x", b"its name is a mark in an OCI layer")
os.symlink("../" + "z" * 200, "/srv/t/link")
os.mkfifo("/srv/t/fifo", 0o640)
os.mknod("/srv/t/null", 0o020666, os.makedev(1, 3))
os.mknod("/srv/t/block", 0o060600, os.makedev(7, 300))
with open("/srv/t/sparse", "wb") as f:
    f.seek(5 << 20); f.write(b"middle"); f.truncate(1 << 30); f.seek((1 << 30) - 3); f.write(b"end")
write("/srv/t/xattrs", b"x")
os.setxattr("/srv/t/xattrs", "user.note", b"a\\x00b")
os.setxattr("/srv/t/xattrs", "trusted.note", b"t")
os.setxattr("/srv/t/sticky", "user.folder", b"f" * 3000)
write("/srv/t/capable", b"x", 0o755)
os.setxattr("/srv/t/capable", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
# hard links: among new files, and with one of the image
write("/srv/t/one", b"three names"); os.link("/srv/t/one", "/srv/t/two"); os.mkdir("/srv/t/in"); os.link("/srv/t/one", "/srv/t/in/three")
os.link("/etc/services", "/srv/t/services")
# the image's files: changed, only their mode, only their owner, removed
with open("/etc/profile", "a") as f: f.write("# changed\\n")
os.chmod("/usr/bin/less", 0o700)
os.chown("/usr/bin/jq", 5, 6)
os.remove("/etc/issue")
shutil.rmtree("/usr/share/doc/bash")
# a folder made anew, one renamed (and one in it), a file in place of a folder, a folder in place of a file
shutil.rmtree("/usr/share/doc/git"); write("/usr/share/doc/git/only", b"this")
os.rename("/usr/share/bash-completion", "/usr/share/renamed")
os.rename("/usr/share/renamed/completions", "/usr/share/moved-out")
write("/usr/share/renamed/added", b"in a renamed folder")
os.link("/usr/share/renamed/added", "/srv/t/linked-from-renamed")
os.link("/srv/t/one", "/usr/share/renamed/linked-from-outside")
some = sorted(os.listdir("/usr/share/moved-out"))
os.remove("/usr/share/moved-out/" + some[0])
os.link("/usr/share/moved-out/" + some[1], "/srv/t/image-from-renamed")
shutil.rmtree("/usr/share/doc/make"); write("/usr/share/doc/make", b"a file now")
os.remove("/etc/issue.net"); write("/etc/issue.net/inside", b"a folder now")
shutil.rmtree("/usr/share/doc/jq"); os.symlink("git", "/usr/share/doc/jq")
# times: of files and folders, from long ago
for path in ["/srv/t/new", "/srv/t/in", "/srv/t/empty", "/usr/share/renamed"]: os.utime(path, (86400, 86400))
os.utime("/srv/t/link", (86400, 86400), follow_symlinks=False)
# what was made of a thing a nanosecond after it, at a second's end and in its middle: a file of a file, of a folder, of a link,
# of a file with two names, and of a file of the image
for at, second in [("end", 1700000000999999998), ("middle", 1700000100500000000)]:
    base = "/srv/t/made-" + at
    write(base + "/input", b"i"); os.link(base + "/input", base + "/input-too"); os.symlink("input", base + "/input-link")
    os.mkdir(base + "/input-folder"); write(base + "/output", b"o")
    for name in ["input", "input-link", "input-folder"]: os.utime(base + "/" + name, ns=(second, second), follow_symlinks=False)
    os.utime(base + "/output", ns=(second + 1, second + 1))
from_image = os.stat("/etc/services").st_mtime_ns
write("/srv/t/made-of-image", b"o"); os.utime("/srv/t/made-of-image", ns=(from_image + 1, from_image + 1))
# a container image of one program
libraries = subprocess.run("ldd /bin/echo | grep -o '/[^ ]*'", shell=True, capture_output=True, text=True).stdout.split()
os.makedirs("/root/c")
for path in libraries:
    os.makedirs("/root/c" + os.path.dirname(path), exist_ok=True)
    shutil.copy(path, "/root/c" + path)
os.makedirs("/root/c/bin"); shutil.copy("/bin/dash", "/root/c/bin/sh")
write("/root/c/hello", b"#!/bin/sh\\necho from a container\\n", 0o755)
# an overlay shows links between what it has copied up once it forgets what it knew
with open("/proc/sys/vm/drop_caches", "w") as f: f.write("2")
subprocess.run("tar -C /root/c -c . | docker import - tiny >/dev/null && rm -r /root/c", shell=True, check=True)
`;

/** Prints the outputs that `make` would make again, as older than what they were made of. */
export const staleScript = `
import os
def time(path): return os.lstat(path).st_mtime_ns
for at in ["end", "middle"]:
    for name in ["input", "input-too", "input-link", "input-folder"]:
        path = "/srv/t/made-%s/" % at
        if time(path + "output") < time(path + name): print("output", at, time(path + "output"), name, time(path + name))
if time("/srv/t/made-of-image") < time("/etc/services"): print("made-of-image")
`;

/** A line for each name below the root, without what a VM is given or writes while it boots. */
export const listScript = `
import os, stat, hashlib, sys
skipped = {b"/dev", b"/proc", b"/sys", b"/run", b"/tmp", b"/var/log", b"/var/lib/systemd", b"/var/lib/docker", b"/var/lib/containerd",
  b"/var/lib/containers", b"/var/tmp", b"/var/cache", b"/lib/modules", b"/usr/lib/modules",
  b"/etc/machine-id", b"/etc/hostname", b"/etc/hosts", b"/etc/resolv.conf", b"/etc/profile.d/banger-env.sh", b"/root/.ssh",
  b"/etc/systemd/system.conf.d/banger.conf", b"/usr/local/share/ca-certificates/banger-1.crt",
  b"/usr/local/share/ca-certificates/banger-2.crt", b"/usr/local/share/ca-certificates/banger.pem", b"/etc/ssl/certs/ca-certificates.crt"}
changing = {b"/etc", b"/etc/profile.d", b"/root", b"/etc/ssh", b"/etc/systemd/system.conf.d", b"/etc/ssl/certs", b"/usr/lib", b"/var/lib", b"/usr/local/share/ca-certificates", b"/"}
hashed = (b"/srv", b"/etc", b"/usr/share/doc", b"/usr/share/renamed", b"/usr/share/moved-out")
first = {}
def names_of(path):
    try: return sorted(os.listxattr(path, follow_symlinks=False))
    except OSError: return [] # a layer of which no file has any
def line(path):
    s = os.lstat(path)
    kind, rest = stat.filemode(s.st_mode), ""
    if stat.S_ISLNK(s.st_mode): rest = os.fsdecode(os.readlink(path))
    elif stat.S_ISREG(s.st_mode):
        rest = str(s.st_size)
        if path.startswith(hashed) and s.st_nlink:
            h = hashlib.sha256()
            with open(path, "rb") as f:
                for part in iter(lambda: f.read(1 << 20), b""): h.update(part)
            rest += " " + h.hexdigest()
        if s.st_nlink > 1: rest += " = " + os.fsdecode(first.setdefault(s.st_ino, path))
    elif stat.S_ISCHR(s.st_mode) or stat.S_ISBLK(s.st_mode): rest = "%d,%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
    xattrs = ["%s=%s" % (n, os.getxattr(path, n, follow_symlinks=False).hex()) for n in names_of(path)]
    time = "-" if path in changing else s.st_mtime_ns // 10**9
    return " ".join([repr(path), kind, "%d:%d" % (s.st_uid, s.st_gid), str(time), rest, *xattrs])
def walk(path):
    for name in sorted(os.listdir(path)):
        full = os.path.join(path, name)
        if full in skipped or name.startswith(b"ssh_host_"): continue
        print(line(full))
        if stat.S_ISDIR(os.lstat(full).st_mode): walk(full)
walk(b"/")
`;
