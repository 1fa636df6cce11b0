"""agent.py SOCKET ERRNO [ANSWERED]: a seccomp agent. Listens on SOCKET; for every listener it is sent prints the
message, then answers each system call it is asked about with ERRNO, or lets it pass when ERRNO is 0. Behind the
first ANSWERED listeners (all, when not given) it answers nobody."""
import array, fcntl, os, socket, struct, sys, threading

RECV, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE


def answer(listener, errno):
    while True:
        request = bytearray(80)  # struct seccomp_notif
        try:
            fcntl.ioctl(listener, RECV, request)
            (cookie,) = struct.unpack_from("Q", request)
            response = struct.pack("QqiI", cookie, 0, -errno, 0 if errno else CONTINUE)
            fcntl.ioctl(listener, SEND, response)
        except OSError:
            return


def main(path, errno, answered):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(8)
    held = []
    while True:
        connection, _ = server.accept()
        message, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4))
        listener = array.array("i", ancillary[0][2])[0]
        print(message.decode(), flush=True)
        if answered == 0:
            held.append(listener)
        else:
            answered -= 1
            threading.Thread(target=answer, args=(listener, errno), daemon=True).start()
        connection.close()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else -1)
