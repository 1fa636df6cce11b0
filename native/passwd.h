/* /etc/passwd of the container. */
#ifndef TSR_PASSWD_H
#define TSR_PASSWD_H

#include <stddef.h>
#include <stdint.h>

/* Writes uid's home directory to ret_home; leaves it as it is when the file does not tell. */
void tsr_find_home(int fd, uint32_t uid, char *ret_home, size_t size);

#endif
