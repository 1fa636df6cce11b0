"""What a terminal test needs and Node does not have: pseudo-terminals and SCM_RIGHTS.

terminal.py receive SOCKET [INPUT]     listens on SOCKET, takes one descriptor, writes INPUT to it and
                                       prints what comes out of it until it closes
terminal.py run ROWS COLUMNS RESIZED_ROWS INPUT COMMAND...
                                       runs COMMAND on a terminal of that size; when "ready" appears,
                                       makes it RESIZED_ROWS high and writes INPUT; prints the output and
                                       exits with COMMAND's status
"""
import array, fcntl, os, pty, select, signal, socket, struct, sys, termios, time


def drain(fd, on_output=lambda text: None):
    seen = b""
    while True:
        ready, _, _ = select.select([fd], [], [], 20)
        if not ready:
            sys.stdout.write("terminal.py: nothing for 20 s\n")
            return
        try:
            data = os.read(fd, 65536)
        except OSError:
            return
        if not data:
            return
        seen += data
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        on_output(seen)


def receive(path, text=""):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(1)
    listener.settimeout(20)
    connection, _ = listener.accept()
    message, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
    if not ancillary:
        return
    level, kind, data = ancillary[0]
    assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
    descriptors = array.array("i")
    descriptors.frombytes(data[:4])
    fd = descriptors[0]
    print("received", os.readlink("/proc/self/fd/%d" % fd), message.decode(), flush=True)
    if not os.isatty(fd):
        with open("/proc/self/fdinfo/%d" % fd) as info:
            print(info.read(), flush=True)
        return
    os.write(fd, text.encode().decode("unicode_escape").encode())
    drain(fd)


def run(rows, columns, resized, text, *command):
    pid, master = pty.fork()
    if pid == 0:
        time.sleep(0.1)  # until the parent has set the size
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    state = {"sent": False}

    def answer(seen):
        if b"ready" in seen and not state["sent"]:
            state["sent"] = True
            size = struct.pack("HHHH", int(resized), int(columns), 0, 0)
            fcntl.ioctl(master, termios.TIOCSWINSZ, size)
            time.sleep(0.3)
            os.write(master, text.encode().decode("unicode_escape").encode())

    drain(master, answer)
    _, status = os.waitpid(pid, 0)
    sys.exit(os.waitstatus_to_exitcode(status) & 255)


if __name__ == "__main__":
    {"receive": receive, "run": run}[sys.argv[1]](*sys.argv[2:])
