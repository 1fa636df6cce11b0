"""swap.py PATH OTHER: exchanges the two names as fast as it can. Says when it begins and, at SIGTERM, how often it did."""
import ctypes, os, signal, sys

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
path, other = (os.fsencode(name) for name in sys.argv[1:3])
count = 0


def end(*_):
    print(count)
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
print("begins", flush=True)
while True:
    if libc.renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    count += 1
