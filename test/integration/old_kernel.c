/*
 * old_kernel FIRST COMMAND...: runs a command for which system calls from number FIRST on do not exist, as
 * on a kernel from before they were made. old_kernel =N,N... COMMAND...: for which just these do not, as
 * where a filter or a kernel's configuration leaves them out. From 424 on calls have one number on every
 * architecture.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "old_kernel FIRST COMMAND...\n");
		return 125;
	}
	enum { MOST = 64 };
	struct sock_filter filter[MOST] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned short length = 1;
	char *list = argv[1];
	const unsigned short test = BPF_JMP | BPF_K | (*list == '=' ? BPF_JEQ : BPF_JGE);

	do {
		const unsigned int number = (unsigned int)strtoul(*list == '=' ? list + 1 : list, &list, 10);

		if (length + 3 > MOST)
			return 125;
		filter[length++] = (struct sock_filter)BPF_JUMP(test, number, 0, 1);
		filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	} while (*list++ == ',');
	filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {length, filter};
	/* Root needs no no_new_privs for a filter, and the container must not inherit one. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
		perror("old_kernel: PR_SET_SECCOMP");
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 125;
}
