/*
 * What the kernel knows and C libraries may not yet: numbers and structures of calls newer than the
 * oldest musl and glibc this builds with. Source: the uapi headers of Linux, by their names there;
 * structures are prefixed kernel_ so that a library that has them does not collide.
 */
#ifndef TSR_KERNEL_H
#define TSR_KERNEL_H

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* From 424 up a call has one number on every architecture. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

/* clone3(2) */
struct kernel_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
#define KERNEL_CLONE_INTO_CGROUP 0x200000000ull

/* openat2(2) */
struct kernel_open_how {
    uint64_t flags, mode, resolve;
};
#define KERNEL_RESOLVE_NO_XDEV 0x01u
#define KERNEL_RESOLVE_NO_MAGICLINKS 0x02u
#define KERNEL_RESOLVE_BENEATH 0x08u
#define KERNEL_RESOLVE_IN_ROOT 0x10u

/* mount_setattr(2) */
struct kernel_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};
#define KERNEL_MOUNT_ATTR_RDONLY 0x1u
#define KERNEL_MOUNT_ATTR_NOSUID 0x2u
#define KERNEL_MOUNT_ATTR_NODEV 0x4u
#define KERNEL_MOUNT_ATTR_NOEXEC 0x8u

/* fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2) */
#define KERNEL_FSOPEN_CLOEXEC 1u
#define KERNEL_FSCONFIG_SET_FLAG 0u
#define KERNEL_FSCONFIG_SET_STRING 1u
#define KERNEL_FSCONFIG_CMD_CREATE 6u
#define KERNEL_FSMOUNT_CLOEXEC 1u
#define KERNEL_OPEN_TREE_CLONE 1u
#define KERNEL_OPEN_TREE_CLOEXEC ((unsigned)O_CLOEXEC)
#define KERNEL_MOVE_MOUNT_F_EMPTY_PATH 0x04u
#define KERNEL_MOVE_MOUNT_T_EMPTY_PATH 0x40u

/* sched_setattr(2) */
struct kernel_sched_attr {
    uint32_t size, sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime, sched_deadline, sched_period;
};

/* capset(2), version 3: two elements of 32 capabilities */
struct kernel_cap_header {
    uint32_t version;
    int32_t pid;
};
struct kernel_cap_data {
    uint32_t effective, permitted, inheritable;
};
#define KERNEL_CAPABILITY_VERSION_3 0x20080522u

/* seccomp(2) */
struct kernel_sock_filter {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};
struct kernel_sock_fprog {
    unsigned short len;
    const void *filter;
};
#define KERNEL_SECCOMP_SET_MODE_FILTER 1u
#define KERNEL_SECCOMP_FILTER_FLAG_NEW_LISTENER 8u
#define KERNEL_BPF_MAXINSNS 4096u

/* keyctl(2) */
#define KERNEL_KEYCTL_JOIN_SESSION_KEYRING 1
#define KERNEL_KEYCTL_SETPERM 5

/* ioprio_set(2) */
#define KERNEL_IOPRIO_WHO_PGRP 2

/* prctl(2) */
#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* statfs(2) f_type */
#define KERNEL_PROC_SUPER_MAGIC 0x9fa0
#define KERNEL_TMPFS_MAGIC 0x01021994
#define KERNEL_DEVPTS_SUPER_MAGIC 0x1cd1

#endif
