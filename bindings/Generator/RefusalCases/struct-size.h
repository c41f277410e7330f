/* refused at 3: must begin with uint32_t struct_size */
#include <stdint.h>
typedef struct hd_s { int32_t x; } hd_s;
