"""filter.py PID: the seccomp filter of a process in hexadecimal, an array of struct sock_filter."""
import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
SEIZE, INTERRUPT, SECCOMP_GET_FILTER, DETACH = 0x4206, 0x4207, 0x420C, 17
WALL = 0x40000000


def ptrace(request, pid, address=None, data=None):
    result = libc.ptrace(request, pid, address, data)
    if result < 0:
        sys.exit(f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")
    return result


pid = int(sys.argv[1])
ptrace(SEIZE, pid)
ptrace(INTERRUPT, pid)
os.waitpid(pid, WALL)
count = ptrace(SECCOMP_GET_FILTER, pid)
program = ctypes.create_string_buffer(8 * count)
ptrace(SECCOMP_GET_FILTER, pid, 0, program)
ptrace(DETACH, pid)
print(program.raw.hex())
