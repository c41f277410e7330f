/* refused at 4: has struct hd_s by value */
#include <stdint.h>
typedef struct hd_s { uint32_t struct_size; } hd_s;
int32_t hd_f(hd_s x);
