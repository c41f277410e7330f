/* refused at 4: Parameter x of hd_f has type size_t */
#include <stddef.h>
#include <stdint.h>
int32_t hd_f(size_t* x);
