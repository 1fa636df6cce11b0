"""hold.py CALL COMMAND…: runs COMMAND, and holds its init (see windows.py) in its first system call CALL, `keyctl` or
`execve`. Prints init's pid then, and waits for a line. COMMAND's output goes to standard error, its exit status is
this program's."""
import sys
from windows import CLONE3, EXECVE, X86_64, Ended, Init, calls_of, let_pass, spawn

CALLS = {"keyctl": 250 if X86_64 else 219, "execve": EXECVE}


def main(name, *command):
    call = CALLS[name]
    pid, listener = spawn(command, 2, [CLONE3, call])
    init, ended, is_held = Init(pid), Ended(pid), False
    for cookie, caller, nr in calls_of(ended, listener):
        if init.made(caller, nr) and nr == call and not is_held:
            is_held = True
            print(caller, flush=True)
            sys.stdin.readline()
        let_pass(listener, cookie)
    sys.exit(ended.status)


main(*sys.argv[1:])
