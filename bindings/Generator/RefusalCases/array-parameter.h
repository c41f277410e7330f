/* refused at 3: Parameter x of hd_f is an array */
#include <stdint.h>
int32_t hd_f(int32_t x[4]);
