"""swap.py PATH OTHER: exchanges the two names as fast as it can, until it is ended."""
import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
path, other = (os.fsencode(name) for name in sys.argv[1:3])
while True:
    if libc.renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
