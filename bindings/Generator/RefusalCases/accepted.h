/* accepted */
#include <stdint.h>
#define HD_API __attribute__((visibility("default")))
/** Hexadecimal. */
#define HD_MASK 0x7f
#define HD_LOWEST -1
/** Members of either sign. */
typedef enum hd_e { HD_E_LOW = -2147483648, HD_E_HIGH = 0x7fffffff } hd_e;
typedef struct hd_handle hd_handle;
typedef struct hd_args {
  uint32_t struct_size;
  float ref; /**< A C# keyword. */
  const uint8_t* const* many;
  int32_t shape[4];
  char name[8];
} hd_args;
typedef void (*hd_log_fn)(void* context, const char* text);
HD_API int32_t hd_f(hd_handle* handle, const hd_args* in, hd_log_fn log, double x, hd_handle** out);
