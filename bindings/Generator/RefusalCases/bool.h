/* refused at 4: Parameter x of hd_f is a bool */
#include <stdbool.h>
#include <stdint.h>
int32_t hd_f(bool x);
