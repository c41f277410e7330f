/* refused at 4: function pointer type hd_done_fn */
#include <stdint.h>
typedef void (*hd_done_fn)(void* context);
int32_t hd_f(hd_done_fn x);
