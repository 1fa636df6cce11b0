"""receiver.py ADDRESS FILE [HOLD]: what systemd is to a service. Prints a JSON line to FILE for each message that comes
to the datagram socket ADDRESS, an abstract one with an @ in front: its text, its sender's pid as the kernel says, how
many descriptors came along. These are closed after HOLD seconds."""
import array, json, os, socket, struct, sys, time

SCM_CREDENTIALS = 2
address, path = sys.argv[1:3]
hold = float(sys.argv[3]) if len(sys.argv) > 3 else 0
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
server.bind("\0" + address[1:] if address.startswith("@") else address)
with open(path, "w", buffering=1) as out:
    while True:
        data, ancillary, _, _ = server.recvmsg(4096, 1024)
        fds, pid = array.array("i"), 0
        for _, kind, content in ancillary:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(content)
            elif kind == SCM_CREDENTIALS:
                pid = struct.unpack("iii", content)[0]
        print(json.dumps({"text": data.decode(), "pid": pid, "descriptors": len(fds)}), file=out)
        if fds:
            time.sleep(hold)
        for fd in fds:
            os.close(fd)
