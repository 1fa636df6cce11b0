/* What musl does not have, or not in every version. Weak: a C library's own are taken where there are any. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int statx(int directory, const char *restrict path, int flags, unsigned mask, void *restrict ret_status);

/* An archive compiled against glibc with _FORTIFY_SOURCE asks for it (Linux Standard Base, "libc"). */
__attribute__((weak, format(printf, 3, 4))) int __fprintf_chk(FILE *stream, int flag, const char *format,
							       ...)
{
	va_list arguments;
	(void)flag;

	va_start(arguments, format);
	int written = vfprintf(stream, format, arguments);
	va_end(arguments);
	return written;
}

/* Since musl 1.2.5. */
__attribute__((weak)) int statx(int directory, const char *restrict path, int flags, unsigned mask,
				void *restrict ret_status)
{
	return (int)syscall(SYS_statx, directory, path, flags, mask, ret_status);
}
