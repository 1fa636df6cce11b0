/* What an archive compiled against glibc with _FORTIFY_SOURCE asks for and musl does not have (Linux
 * Standard Base, "libc"). Weak: with glibc its own are taken. */
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *stream, int flag, const char *format, ...);

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
