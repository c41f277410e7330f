/* refused at 4: hd_f must return int32_t */
#include <stdint.h>
typedef struct hd_s { uint32_t struct_size; } hd_s;
hd_s hd_f(void);
