"""windows.py REAL LINK COMMAND…: runs COMMAND again and again, and each time exchanges the names REAL and LINK in
another window: before the first system call that looks up or makes a name, before the second, and so on, until
none is left. `{n}` in COMMAND is the number of the window. The calls are those of the process that is cloned first
(a container's init) up to its execve; a seccomp filter holds each back until it was counted. One line of JSON a
window on standard output: its number, the call, COMMAND's exit status and output, and the mounts at what LINK leads
to, as init's mount namespace had them before pivot_root."""
import array, ctypes, fcntl, json, os, platform, select, socket, struct, sys, tempfile

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
RECV, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND
SECCOMP_SET_MODE_FILTER, NEW_LISTENER, CONTINUE = 1, 8, 1
USER_NOTIF, ALLOW = 0x7FC00000, 0x7FFF0000

# clone3, execve, pivot_root; then openat, mkdirat, mknodat, symlinkat, readlinkat, fchownat, newfstatat, chdir, mount, and
# open_tree, move_mount, openat2, mount_setattr, open_tree_attr.
X86_64 = platform.machine() == "x86_64"
SECCOMP, CLONE3, EXECVE, PIVOT_ROOT = (317, 435, 59, 155) if X86_64 else (277, 435, 221, 41)
NAMES = {257: "openat", 258: "mkdirat", 259: "mknodat", 266: "symlinkat", 267: "readlinkat", 260: "fchownat",
         262: "newfstatat", 80: "chdir", 165: "mount"} if X86_64 else {
         56: "openat", 34: "mkdirat", 33: "mknodat", 36: "symlinkat", 78: "readlinkat", 54: "fchownat",
         79: "newfstatat", 49: "chdir", 40: "mount"}
NAMES.update({428: "open_tree", 429: "move_mount", 437: "openat2", 442: "mount_setattr", 467: "open_tree_attr"})
SEEN = [CLONE3, EXECVE, PIVOT_ROOT, *NAMES]


def exchange(one, other):
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))


def install(calls):
    """A filter that asks about these calls; its listener."""
    code = [(0x20, 0, 0, 0)]
    for i, nr in enumerate(calls):
        code.append((0x15, len(calls) - i, 0, nr))
    code += [(0x06, 0, 0, ALLOW), (0x06, 0, 0, USER_NOTIF)]
    block = b"".join(struct.pack("HBBI", *one) for one in code)
    buffer = ctypes.create_string_buffer(block)
    program = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(buffer))
    listener = libc.syscall(SECCOMP, SECCOMP_SET_MODE_FILTER, NEW_LISTENER, program)
    if listener < 0:
        os.write(2, b"seccomp: " + os.strerror(ctypes.get_errno()).encode())
        os._exit(99)
    return listener


def spawn(command, output, calls):
    """The pid of COMMAND under the filter, and the listener."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        listener = install(calls)
        theirs.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])
        os.close(listener)
        os.execv(command[0], command)
    theirs.close()
    _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    ours.close()
    return pid, array.array("i", ancillary[0][2])[0]


class Init:
    """Knows the process that was cloned first by one that was spawned."""

    def __init__(self, runtime):
        self.runtime, self.outer, self.pid = runtime, None, None

    def made(self, caller, nr):
        """Whether this call is init's."""
        if nr == CLONE3 and self.outer is None and caller != self.runtime:
            self.outer = caller
        elif self.outer is not None and self.pid is None and caller not in (self.runtime, self.outer):
            self.pid = caller
        return caller == self.pid


def calls_of(ended, listener):
    """The calls as they are asked about: cookie, who makes it, its number; until ended() is true."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while not ended():
        if not any(event & select.POLLIN for _, event in poll.poll(1000)):
            continue
        request = bytearray(80)  # struct seccomp_notif
        try:
            fcntl.ioctl(listener, RECV, request)
        except OSError:
            continue  # Who made it was ended.
        cookie, caller, _, nr = struct.unpack_from("QIIi", request)
        yield cookie, caller, nr


def let_pass(listener, cookie):
    try:
        fcntl.ioctl(listener, SEND, struct.pack("QqiI", cookie, 0, 0, CONTINUE))
    except OSError:
        pass  # It was ended.


class Ended:
    """Called: whether the child has ended; then its exit status, negative a signal."""

    def __init__(self, pid):
        self.pid, self.status = pid, None

    def __call__(self):
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if ended:
            self.status = os.waitstatus_to_exitcode(status)
        return bool(ended)


def mounts_at(place, pid):
    with open(f"/proc/{pid}/mountinfo") as lines:
        return [line.strip() for line in lines if f"{line.split()[4]}/".startswith(f"{place}/")]


def window(n, real, link, command):
    """Runs COMMAND with the exchange before call n. The call's name, None when there were fewer, and the rest."""
    output = tempfile.TemporaryFile()
    pid, listener = spawn([word.replace("{n}", str(n)) for word in command], output.fileno(), SEEN)
    init, seen, held, is_over, mounts = Init(pid), 0, None, False, []
    victim, ended = os.readlink(link), Ended(pid)
    for cookie, caller, nr in calls_of(ended, listener):
        if init.made(caller, nr) and not is_over:
            is_over = nr == EXECVE
            if nr == PIVOT_ROOT:
                mounts = mounts_at(victim, caller)
            if nr in NAMES:
                seen += 1
                if seen == n:
                    held = NAMES[nr]
                    exchange(real, link)
        let_pass(listener, cookie)
    os.close(listener)
    if held is not None:
        exchange(real, link)
    output.seek(0)
    text = output.read().decode(errors="replace")
    return {"n": n, "call": held, "status": ended.status, "output": text, "mounts": mounts}


def main(real, link, *command):
    n = 1
    while True:
        seen = window(n, real, link, command)
        print(json.dumps(seen), flush=True)
        if seen["call"] is None:
            return
        n += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
