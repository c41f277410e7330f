/* refused at 3: not valid C */
#include <stdint.h>
int32_t hd_f(int32_t& x);
