/* SPDX-License-Identifier: GPL-2.0 */
/* What a system call is about, for the entropy of the mix. x86-64 numbers; what is not named here is "other". */
#ifndef HOSA_SYSCALLS_H
#define HOSA_SYSCALLS_H

#include <asm/unistd_64.h>

#define SYSCALL_NUMBERS 512

enum syscall_class {
	CLASS_OTHER,
	CLASS_READ,
	CLASS_WRITE,
	CLASS_OPEN,
	CLASS_STAT,
	CLASS_FILES, /* names, links, owners, directories */
	CLASS_SYNC,
	CLASS_MEMORY,
	CLASS_PROCESS,
	CLASS_SIGNAL,
	CLASS_FUTEX,
	CLASS_WAIT, /* poll, select, epoll, sleep */
	CLASS_SOCKET, /* making and naming of sockets */
	CLASS_SEND,
	CLASS_RECEIVE,
	CLASS_TIME,
};

const volatile __u8 syscall_class[SYSCALL_NUMBERS] = {
	[__NR_read] = CLASS_READ, [__NR_pread64] = CLASS_READ, [__NR_readv] = CLASS_READ, [__NR_preadv] = CLASS_READ,
	[__NR_preadv2] = CLASS_READ, [__NR_readahead] = CLASS_READ, [__NR_lseek] = CLASS_READ,

	[__NR_write] = CLASS_WRITE, [__NR_pwrite64] = CLASS_WRITE, [__NR_writev] = CLASS_WRITE, [__NR_pwritev] = CLASS_WRITE,
	[__NR_pwritev2] = CLASS_WRITE, [__NR_sendfile] = CLASS_WRITE, [__NR_splice] = CLASS_WRITE, [__NR_tee] = CLASS_WRITE,
	[__NR_copy_file_range] = CLASS_WRITE, [__NR_fallocate] = CLASS_WRITE, [__NR_ftruncate] = CLASS_WRITE,

	[__NR_open] = CLASS_OPEN, [__NR_openat] = CLASS_OPEN, [__NR_openat2] = CLASS_OPEN, [__NR_creat] = CLASS_OPEN,
	[__NR_close] = CLASS_OPEN, [__NR_close_range] = CLASS_OPEN, [__NR_dup] = CLASS_OPEN, [__NR_dup2] = CLASS_OPEN,
	[__NR_dup3] = CLASS_OPEN, [__NR_fcntl] = CLASS_OPEN, [__NR_pipe] = CLASS_OPEN, [__NR_pipe2] = CLASS_OPEN,
	[__NR_eventfd2] = CLASS_OPEN, [__NR_memfd_create] = CLASS_OPEN, [__NR_ioctl] = CLASS_OPEN,

	[__NR_stat] = CLASS_STAT, [__NR_fstat] = CLASS_STAT, [__NR_lstat] = CLASS_STAT, [__NR_newfstatat] = CLASS_STAT,
	[__NR_statx] = CLASS_STAT, [__NR_access] = CLASS_STAT, [__NR_faccessat] = CLASS_STAT, [__NR_faccessat2] = CLASS_STAT,
	[__NR_readlink] = CLASS_STAT, [__NR_readlinkat] = CLASS_STAT, [__NR_statfs] = CLASS_STAT, [__NR_fstatfs] = CLASS_STAT,
	[__NR_getdents64] = CLASS_STAT, [__NR_getxattr] = CLASS_STAT, [__NR_lgetxattr] = CLASS_STAT, [__NR_getcwd] = CLASS_STAT,

	[__NR_rename] = CLASS_FILES, [__NR_renameat] = CLASS_FILES, [__NR_renameat2] = CLASS_FILES, [__NR_mkdir] = CLASS_FILES,
	[__NR_mkdirat] = CLASS_FILES, [__NR_rmdir] = CLASS_FILES, [__NR_unlink] = CLASS_FILES, [__NR_unlinkat] = CLASS_FILES,
	[__NR_link] = CLASS_FILES, [__NR_linkat] = CLASS_FILES, [__NR_symlink] = CLASS_FILES, [__NR_symlinkat] = CLASS_FILES,
	[__NR_chmod] = CLASS_FILES, [__NR_fchmod] = CLASS_FILES, [__NR_fchmodat] = CLASS_FILES, [__NR_chown] = CLASS_FILES,
	[__NR_fchown] = CLASS_FILES, [__NR_fchownat] = CLASS_FILES, [__NR_chdir] = CLASS_FILES, [__NR_fchdir] = CLASS_FILES,
	[__NR_truncate] = CLASS_FILES, [__NR_utimensat] = CLASS_FILES, [__NR_mount] = CLASS_FILES, [__NR_umount2] = CLASS_FILES,

	[__NR_sync] = CLASS_SYNC, [__NR_syncfs] = CLASS_SYNC, [__NR_fsync] = CLASS_SYNC, [__NR_fdatasync] = CLASS_SYNC,
	[__NR_sync_file_range] = CLASS_SYNC, [__NR_msync] = CLASS_SYNC, [__NR_flock] = CLASS_SYNC, [__NR_io_submit] = CLASS_SYNC,
	[__NR_io_getevents] = CLASS_SYNC, [__NR_io_uring_enter] = CLASS_SYNC,

	[__NR_mmap] = CLASS_MEMORY, [__NR_munmap] = CLASS_MEMORY, [__NR_mremap] = CLASS_MEMORY, [__NR_mprotect] = CLASS_MEMORY,
	[__NR_madvise] = CLASS_MEMORY, [__NR_brk] = CLASS_MEMORY, [__NR_mlock] = CLASS_MEMORY, [__NR_mlock2] = CLASS_MEMORY,
	[__NR_munlock] = CLASS_MEMORY, [__NR_mincore] = CLASS_MEMORY,

	[__NR_fork] = CLASS_PROCESS, [__NR_vfork] = CLASS_PROCESS, [__NR_clone] = CLASS_PROCESS, [__NR_clone3] = CLASS_PROCESS,
	[__NR_execve] = CLASS_PROCESS, [__NR_execveat] = CLASS_PROCESS, [__NR_exit] = CLASS_PROCESS,
	[__NR_exit_group] = CLASS_PROCESS, [__NR_wait4] = CLASS_PROCESS, [__NR_waitid] = CLASS_PROCESS,
	[__NR_getpid] = CLASS_PROCESS, [__NR_gettid] = CLASS_PROCESS, [__NR_getppid] = CLASS_PROCESS,
	[__NR_setpgid] = CLASS_PROCESS, [__NR_setsid] = CLASS_PROCESS, [__NR_prctl] = CLASS_PROCESS,
	[__NR_arch_prctl] = CLASS_PROCESS, [__NR_prlimit64] = CLASS_PROCESS, [__NR_sched_setaffinity] = CLASS_PROCESS,
	[__NR_set_tid_address] = CLASS_PROCESS, [__NR_setns] = CLASS_PROCESS, [__NR_unshare] = CLASS_PROCESS,

	[__NR_kill] = CLASS_SIGNAL, [__NR_tkill] = CLASS_SIGNAL, [__NR_tgkill] = CLASS_SIGNAL,
	[__NR_rt_sigaction] = CLASS_SIGNAL, [__NR_rt_sigprocmask] = CLASS_SIGNAL, [__NR_rt_sigreturn] = CLASS_SIGNAL,
	[__NR_rt_sigtimedwait] = CLASS_SIGNAL, [__NR_sigaltstack] = CLASS_SIGNAL, [__NR_signalfd4] = CLASS_SIGNAL,

	[__NR_futex] = CLASS_FUTEX, [__NR_sched_yield] = CLASS_FUTEX, [__NR_set_robust_list] = CLASS_FUTEX,
	[__NR_membarrier] = CLASS_FUTEX, [__NR_semop] = CLASS_FUTEX, [__NR_semtimedop] = CLASS_FUTEX,

	[__NR_poll] = CLASS_WAIT, [__NR_ppoll] = CLASS_WAIT, [__NR_select] = CLASS_WAIT, [__NR_pselect6] = CLASS_WAIT,
	[__NR_epoll_wait] = CLASS_WAIT, [__NR_epoll_pwait] = CLASS_WAIT, [__NR_epoll_ctl] = CLASS_WAIT,
	[__NR_nanosleep] = CLASS_WAIT, [__NR_clock_nanosleep] = CLASS_WAIT, [__NR_pause] = CLASS_WAIT,
	[__NR_timerfd_settime] = CLASS_WAIT, [__NR_inotify_add_watch] = CLASS_WAIT,

	[__NR_socket] = CLASS_SOCKET, [__NR_socketpair] = CLASS_SOCKET, [__NR_connect] = CLASS_SOCKET,
	[__NR_bind] = CLASS_SOCKET, [__NR_listen] = CLASS_SOCKET, [__NR_accept] = CLASS_SOCKET, [__NR_accept4] = CLASS_SOCKET,
	[__NR_shutdown] = CLASS_SOCKET, [__NR_setsockopt] = CLASS_SOCKET, [__NR_getsockopt] = CLASS_SOCKET,
	[__NR_getsockname] = CLASS_SOCKET, [__NR_getpeername] = CLASS_SOCKET,

	[__NR_sendto] = CLASS_SEND, [__NR_sendmsg] = CLASS_SEND, [__NR_sendmmsg] = CLASS_SEND,
	[__NR_recvfrom] = CLASS_RECEIVE, [__NR_recvmsg] = CLASS_RECEIVE, [__NR_recvmmsg] = CLASS_RECEIVE,

	[__NR_clock_gettime] = CLASS_TIME, [__NR_gettimeofday] = CLASS_TIME, [__NR_time] = CLASS_TIME,
	[__NR_getrusage] = CLASS_TIME, [__NR_times] = CLASS_TIME, [__NR_setitimer] = CLASS_TIME,
	[__NR_timer_settime] = CLASS_TIME, [__NR_getrandom] = CLASS_TIME, [__NR_sysinfo] = CLASS_TIME,
};

#endif
