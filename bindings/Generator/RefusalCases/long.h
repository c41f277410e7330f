/* refused at 3: Parameter x of hd_f is a long */
#include <stdint.h>
int32_t hd_f(long x);
