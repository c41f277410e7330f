/* refused at 4: Parameter y of hd_f has the C type Int */
#include <stdint.h>
int32_t hd_f(int32_t x,
             int y);
