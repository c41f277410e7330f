/* refused at 3: is a function pointer */
#include <stdint.h>
int32_t hd_f(void (*x)(int32_t));
