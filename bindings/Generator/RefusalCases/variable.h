/* refused at 3: hd_x is a variable */
#include <stdint.h>
extern int32_t hd_x;
