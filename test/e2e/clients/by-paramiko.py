"""What a Python program does with a VM: its configuration as ssh has it, commands, files. Arguments: the configuration, a local file."""
import base64
import os
import sys

import paramiko

config, local = sys.argv[1:]
host = paramiko.SSHConfig.from_path(config).lookup("box.vm")
client = paramiko.SSHClient()
# Paramiko knows no patterns in known_hosts
_, kind, key = open(host["userknownhostsfile"]).read().split()
client.get_host_keys().add(host["hostname"], kind, paramiko.Ed25519Key(data=base64.b64decode(key)))
client.connect(
    host["hostname"],
    username=host["user"],
    key_filename=host["identityfile"],
    sock=paramiko.ProxyCommand(host["proxycommand"]),
    allow_agent=False,
    look_for_keys=False,
)

stdin, stdout, stderr = client.exec_command("read word; echo out $word; echo err >&2; exit 7")
stdin.write("sent\n")
stdin.channel.shutdown_write()
print(stdout.channel.recv_exit_status(), stdout.read(), stderr.read())

files = client.open_sftp()
files.put(local, "/root/put", confirm=True)
files.chmod("/root/put", 0o640)
files.rename("/root/put", "/root/put2")
found = files.stat("/root/put2")
files.get("/root/put2", local + ".back")
print(oct(found.st_mode & 0o777), found.st_size == os.path.getsize(local), "put2" in files.listdir("/root"))
files.close()

channel = client.get_transport().open_session()
channel.get_pty("xterm", 91, 33)
channel.exec_command("stty size")
print(channel.makefile().read())
client.close()
