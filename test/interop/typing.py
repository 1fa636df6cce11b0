"""typing.py DIRECTORY COMMAND...: types on a terminal that COMMAND, an interactive shell, has to itself.

Standard input has a line of JSON for each thing typed: {"keys": text} and what is waited for after it, "shown"
(words that the terminal has shown since) or "line" (the shell's line, which a key of the test's writes to
DIRECTORY/line, DIRECTORY being where the shell starts). Prints a line of JSON for each: what came, the line or what was shown. What does not come in
time ends it with status 1.
"""
import fcntl, json, os, pty, re, select, signal, struct, sys, termios, time

PATIENCE = 60
# Control sequences of terminals: ECMA-48, 5.4; of the operating system; charsets and keypads.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x00-\x08\x0e-\x1f]")


def main(directory, *command):
    line_file = os.path.join(directory, "line")
    pid, master = pty.fork()
    if pid == 0:
        # Wide: what is listed stands in few lines, and nothing asks whether it is too much.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 200, 0, 0))
        os.chdir(directory)
        os.execvp(command[0], command)
    status = 1
    try:
        for text in sys.stdin:
            step(master, line_file, json.loads(text))
        status = 0
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.exit(status)


def step(master, line_file, wanted):
    if os.path.exists(line_file):
        os.unlink(line_file)
    screen = ""
    os.write(master, wanted["keys"].encode())
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if select.select([master], [], [], 0.02)[0]:
            screen += os.read(master, 65536).decode(errors="replace")
        shown = CONTROL.sub("", screen)
        if "line" in wanted:
            if os.path.exists(line_file):
                with open(line_file) as file:
                    print(json.dumps(file.read()), flush=True)
                return
        elif all(word in shown for word in wanted["shown"]):
            print(json.dumps(shown), flush=True)
            return
    sys.exit("waited in vain for %r, shown is %r" % (wanted, screen))


main(*sys.argv[1:])
