/* refused at 3: no typedef of the same name */
#include <stdint.h>
struct hd_s { uint32_t struct_size; };
