/* refused at 3: hd_f is variadic */
#include <stdint.h>
int32_t hd_f(const char* format, ...);
