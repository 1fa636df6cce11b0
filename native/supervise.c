#include "supervise.h"
int tsr_supervise(int count, char **arguments){(void)count;(void)arguments;return 1;}
