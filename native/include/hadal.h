/**
 * hadal.h: DeepSeek-V3.2 kernels behind one C ABI.
 *
 * Rules that hold for every function here:
 *  - It returns an hd_status. On anything but HD_STATUS_OK the calling thread's error text, read by hd_last_error,
 *    names the argument, what it was, and what it must be. Nothing is written to the outputs of a call that is
 *    refused, but where a function says so.
 *  - It never exits, aborts, prints or throws. Results come through out-pointers, which stand last.
 *  - A struct begins with struct_size, which the caller sets to sizeof of the struct that it was compiled with. Fields
 *    are only ever appended. Fields beyond the caller's struct_size read as zero, and are not written where the struct
 *    is a result. Fields that this library does not know must be zero in an argument (else HD_STATUS_UNSUPPORTED), and
 *    stay as they were in a result. A struct_size below the struct's size in the first version, or above 4096, is
 *    refused.
 *  - Handles are reference counted natively: a stream, buffer or graph keeps its device alive, so any order of release
 *    is safe.
 *  - Functions may be called from any thread. A stream serves one thread at a time: its calls run in the order they
 *    were made, and the caller sees to it that there is one. Streams of one device may be driven by as many threads at
 *    once. A handle must not be released while a call uses it.
 *  - In a forked child, kernel calls on a CPU device that was opened before the fork are refused
 *    (HD_STATUS_UNSUPPORTED): its threads stayed with the parent. The child may release it, and open one of its own.
 *  - Kernel calls are stateless and allocate nothing. Scratch is the caller's workspace: hd_workspace_size tells how
 *    much a call wants for the same arguments (data pointers may be null in the query); a workspace is 64-byte aligned
 *    and may be reused by the next call on the same stream.
 *  - A kernel call returns when its work is done on a device that hd_device_info calls synchronous, as the CPU is.
 *    Elsewhere it returns once the work is queued.
 *  - Pointers are to memory of the stream's device. An output that overlaps an input, another output, the workspace or
 *    itself is refused, unless the field's comment allows it. Rows of an output may lie within those of a wider matrix;
 *    of two strides one steps over all that the other spans.
 *  - Values in memory (indices, slots, counts, ranges, pages of a block table) are checked on the CPU, before anything
 *    is written. Elsewhere they are not, and a wrong one is undefined behaviour. Nowhere checked is what a comment says
 *    is not.
 *  - A count of zero is allowed where no comment gives a least one, and does nothing unless a comment says otherwise.
 *  - Pointers are aligned to their element, those of caches to 16 bytes, and on CUDA those of e4m3 codes too; other
 *    addresses are refused, but on the CPU where a comment allows any alignment.
 *  - Strides are in elements (bytes where a name ends in _bytes). Row-major: the last dimension is contiguous.
 *  - "act" marks the activation type: HD_DTYPE_BF16, or HD_DTYPE_F32 (the verification mode, in which activations stay
 *    f32 between operations while the FP8 semantics are the same; only where hd_device_info has f32_activations).
 *
 * Determinism: on the CPU an output element is reduced in one fixed order that depends on nothing but its own inputs,
 * so the bits are the same for any number of threads, any batch, and any split of a prompt into chunks.
 */
#ifndef HADAL_H
#define HADAL_H

#include <stdint.h>

#if defined(_WIN32)
#  define HD_API __declspec(dllexport)
#else
#  define HD_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this ABI: a library and a caller of different versions do not fit. */
#define HD_ABI_VERSION 1
/** Tokens in a page of any cache. */
#define HD_PAGE_TOKENS 64
/** Values that share one scale: along K of an activation, along both sides of a weight block, in a cached latent. */
#define HD_SCALE_BLOCK 128
/** Width of the MLA latent (kv_lora_rank). */
#define HD_LATENT_DIM 512
/** Width of the rotary part of an MLA query or key (qk_rope_head_dim). */
#define HD_ROPE_DIM 64
/** Width of an MLA query or cached key in the absorbed form: latent, then rope. */
#define HD_MLA_DIM 576
/** Width of an indexer head (index_head_dim). */
#define HD_INDEX_DIM 128
/** Bytes of a token in the index cache: 128 e4m3 and one f32 scale. */
#define HD_INDEX_TOKEN_BYTES 132
/** Bytes that any workspace, and any allocation of this library, is aligned to. */
#define HD_ALIGNMENT 64

/** What a call came to. */
typedef enum hd_status {
  HD_STATUS_OK = 0,               /**< The call did what it says. */
  HD_STATUS_INVALID_ARGUMENT = 1, /**< An argument is wrong; the text names it. */
  HD_STATUS_UNSUPPORTED = 2,      /**< This device or build cannot do it; the text says what can. */
  HD_STATUS_OUT_OF_MEMORY = 3,    /**< An allocation failed; nothing was changed. */
  HD_STATUS_DEVICE_LOST = 4,      /**< The device reported an error it does not recover from; release its objects. */
  HD_STATUS_CANCELLED = 5,        /**< The work was cancelled. */
  HD_STATUS_INTERNAL = 6,         /**< A defect of this library; please report the text. */
} hd_status;

/** Element types. */
typedef enum hd_dtype {
  HD_DTYPE_NONE = 0,    /**< Absent. */
  HD_DTYPE_F32 = 1,     /**< IEEE binary32. */
  HD_DTYPE_BF16 = 2,    /**< bfloat16. */
  HD_DTYPE_F8_E4M3 = 3, /**< e4m3fn: no infinities, NaN is 0x7f and 0xff, largest 448. */
  HD_DTYPE_I32 = 4,     /**< Signed 32-bit integer. */
} hd_dtype;

/**
 * How a weight matrix is stored. Plain elements have the value of their hd_dtype; formats in which several values share
 * a scale have values of their own.
 */
typedef enum hd_weight_format {
  HD_WEIGHT_F32 = 1,  /**< f32 elements. */
  HD_WEIGHT_BF16 = 2, /**< bf16 elements. */
  HD_WEIGHT_FP8 = 3,  /**< e4m3 elements, and one f32 scale for each block of 128 x 128. */
} hd_weight_format;

/** Kinds of device. */
typedef enum hd_device_kind {
  HD_DEVICE_CPU = 0,      /**< The host's processor; always there. */
  HD_DEVICE_CUDA = 1,     /**< An NVIDIA GPU, served by libhadal-cuda beside this library. */
  HD_DEVICE_EXTERNAL = 2, /**< Another accelerator, served by libhadal-NAME, where the environment variable
                             HADAL_BACKEND says NAME (hadal_backend.h). */
} hd_device_kind;

/** How scales are chosen when values are quantised to e4m3. */
typedef enum hd_scale_format {
  HD_SCALE_PLAIN = 0, /**< s = max(amax, 1e-4) * f32(1/448). DeepSeek-V3 and R1. */
  HD_SCALE_UE8M0 = 1, /**< The same, rounded up to a power of two. DeepSeek-V3.1 and V3.2. */
} hd_scale_format;

/** Pairing of the dimensions that a rotary embedding turns. */
typedef enum hd_rope_layout {
  HD_ROPE_INTERLEAVED = 0, /**< Pairs (2i, 2i+1): MLA queries and keys. */
  HD_ROPE_HALVES = 1,      /**< Pairs (i, i+32): indexer queries and keys. */
} hd_rope_layout;

/** Formats of an MLA cache page of 64 tokens; a token's bytes are contiguous. */
typedef enum hd_mla_format {
  HD_MLA_FP8 = 0,     /**< 656 bytes a token: 512 e4m3, 4 f32 scales (one per 128), 64 bf16 rope. FlashMLA's. */
  HD_MLA_FP8_F32 = 1, /**< 784 bytes a token: 512 e4m3, 4 f32 scales, 64 f32 rope. Float32 mode of the same. */
  HD_MLA_BF16 = 2,    /**< 1152 bytes a token: 512 bf16 latent, 64 bf16 rope. V3, V3.1 and R1. */
  HD_MLA_F32 = 3,     /**< 2304 bytes a token: 512 f32 latent, 64 f32 rope. Float32 mode of the same. */
} hd_mla_format;

/** The operations, as hd_workspace_size and hd_kernel_name name them. */
typedef enum hd_op {
  HD_OP_FP8_QUANTIZE = 0,
  HD_OP_FP8_DEQUANTIZE = 1,
  HD_OP_FP8_GEMM = 2,
  HD_OP_FP8_GEMM_CONTIGUOUS = 3,
  HD_OP_FP8_GEMM_MASKED = 4,
  HD_OP_GEMM = 5,
  HD_OP_RMS_NORM = 6,
  HD_OP_LAYER_NORM = 7,
  HD_OP_ROPE_TABLE = 8,
  HD_OP_ROPE = 9,
  HD_OP_HADAMARD = 10,
  HD_OP_EMBEDDING = 11,
  HD_OP_SILU_MUL = 12,
  HD_OP_MOE_ROUTE = 13,
  HD_OP_MOE_PERMUTE = 14,
  HD_OP_MOE_COMBINE = 15,
  HD_OP_MLA_CACHE_APPEND = 16,
  HD_OP_MLA_CACHE_GATHER = 17,
  HD_OP_INDEX_CACHE_APPEND = 18,
  HD_OP_INDEXER_WEIGHTS = 19,
  HD_OP_INDEXER_LOGITS = 20,
  HD_OP_INDEXER_LOGITS_PAGED = 21,
  HD_OP_TOPK = 22,
  HD_OP_INDEXER_TOPK = 23,
  HD_OP_SPARSE_MLA = 24,
  HD_OP_DENSE_MLA = 25,
  HD_OP_MASKED_MHA = 26,
  HD_OP_FP8_GEMM_MULTI = 27,
  HD_OP_GEMM_CONTIGUOUS = 28,
  HD_OP_COUNT = 29,
} hd_op;

/** A processor or card and what serves it. Thread-safe. */
typedef struct hd_device hd_device;
/** An ordered queue of work on a device. */
typedef struct hd_stream hd_stream;
/** Memory of a device. */
typedef struct hd_buffer hd_buffer;
/** Kernel calls that were recorded once and are launched as one. */
typedef struct hd_graph hd_graph;

/* ---------------------------------------------------------------------------------------------------------------- *
 * Runtime
 * ---------------------------------------------------------------------------------------------------------------- */

/** Options of hd_device_create. */
typedef struct hd_device_options {
  uint32_t struct_size; /**< sizeof(hd_device_options). */
  int32_t kind;         /**< hd_device_kind. */
  int32_t ordinal;      /**< Which device of its kind, from 0. The CPU has only 0. */
  int32_t thread_count; /**< CPU: threads that compute, the caller's included, at most 1024; 0 takes one for each
                             processor that the process may use: its affinity mask's, or its cgroup's quota of them,
                             rounded up, where that is less. */
} hd_device_options;

/** What a device is. */
typedef struct hd_device_info {
  uint32_t struct_size;    /**< sizeof(hd_device_info), set by the caller. */
  int32_t kind;            /**< hd_device_kind. */
  int32_t ordinal;         /**< Which of its kind. */
  int32_t thread_count;    /**< CPU: threads that compute. 0 elsewhere. */
  uint64_t memory_bytes;   /**< Memory of the device; the CPU's is the host's, or less where a cgroup limits it. */
  char name[128];          /**< The processor's or card's own name, UTF-8, NUL-terminated. */
  char isa[32];            /**< Instruction set in use: "scalar", "avx2", "avx512f", "avx512", or "sm_90a". */
  int32_t host_memory;     /**< 1: kernels read the host's memory, weights with any alignment and any spacing of experts
                                too, so that they may stay in a mapped file. 0: what they read is copied to the device. */
  int32_t graphs;          /**< 1: kernel calls can be recorded (hd_graph_begin). 0: they can't. */
  int32_t f32_activations; /**< 1: act may be HD_DTYPE_F32 in every operation. 0: HD_DTYPE_BF16 alone. */
  int32_t per_head_fp8;    /**< 1: hd_gemm over a batch of heads is no slower with an e4m3 b (b_scale_is_pow2, a in
                                bf16) than with the same b in bf16: a weight may stay e4m3. 0: better expanded once. */
  int32_t group_alignment; /**< Rows that each expert's share of hd_fp8_gemm_contiguous and hd_gemm_contiguous is padded
                                to, the alignment of hd_moe_permute: 1, or 128 for CUDA's. */
  int32_t synchronous;     /**< 1: a kernel call returns when its work is done. 0: once it is queued. */
} hd_device_info;

/** What the library is. */
typedef struct hd_build_info {
  uint32_t struct_size;   /**< sizeof(hd_build_info), set by the caller. */
  uint32_t abi_version;   /**< HD_ABI_VERSION of the library. */
  char version[32];       /**< Version of the package, as "1.2.3". */
  char commit[48];        /**< Commit that it was built from, in hex, or "unknown". */
  char compiler[64];      /**< Compiler and its version. */
  char isas[128];         /**< Instruction sets held, best first, separated by spaces. */
  char header_sha256[72]; /**< SHA-256 of the text of the hadal.h that it was built from, in hex. */
} hd_build_info;

/** One field of a struct of this header as the library lays it out. */
typedef struct hd_layout_entry {
  uint32_t struct_size; /**< sizeof(hd_layout_entry), set by the caller. */
  uint32_t offset;      /**< Offset of the field in bytes; 0 for the struct's own entry. */
  uint32_t size;        /**< Size of the field, or of the struct, in bytes. */
  char struct_name[64]; /**< Name of the struct. */
  char field_name[64];  /**< Name of the field; empty in the struct's own entry. */
} hd_layout_entry;

/**
 * Receives a line of log text.
 * @param context what was given to hd_set_log.
 * @param text UTF-8, NUL-terminated, valid during the call alone.
 */
typedef void (*hd_log_fn)(void* context, const char* text);

/**
 * Copies the calling thread's last error text.
 * @param buffer receives the text, UTF-8, cut to capacity and always NUL-terminated; may be null when capacity is 0.
 * @param capacity bytes of buffer.
 * @param length receives the length of the whole text without its NUL; may be null.
 * @return HD_STATUS_OK; a wrong argument here does not change the stored text.
 */
HD_API int32_t hd_last_error(char* buffer, uint64_t capacity, uint64_t* length);

/**
 * Tells what the library is.
 * @param info struct_size set by the caller; the rest is filled in.
 */
HD_API int32_t hd_get_build_info(hd_build_info* info);

/**
 * Counts the entries of hd_layout_get.
 * @param count receives the number of entries.
 */
HD_API int32_t hd_layout_count(uint32_t* count);

/**
 * Tells the layout of this header's structs as compiled into the library: for each struct one entry for itself, then
 * one for each field, in order.
 * @param index from 0.
 * @param entry struct_size set by the caller; the rest is filled in.
 */
HD_API int32_t hd_layout_get(uint32_t index, hd_layout_entry* entry);

/**
 * Sets the process-wide log function: it hears which kernels were chosen and why a backend did not load. Off by
 * default.
 * @param log the function, or null for none. It may be called from any thread and must not call back into the library.
 * @param context handed to log.
 */
HD_API int32_t hd_set_log(hd_log_fn log, void* context);

/**
 * Loads the library of a backend, where it is not loaded yet: the environment variable HADAL_BACKEND_PATH (a folder),
 * then the folder of this library, then the system's search path. hd_device_create does this by itself.
 * @param kind hd_device_kind.
 * @return HD_STATUS_UNSUPPORTED with every path tried and the loader's own words when it cannot be had.
 */
HD_API int32_t hd_backend_load(int32_t kind);

/**
 * Counts the devices of a kind.
 * @param kind hd_device_kind.
 * @param count receives the number; 1 for the CPU.
 */
HD_API int32_t hd_device_count(int32_t kind, int32_t* count);

/**
 * Opens a device. The CPU's instruction set is the best one that the processor has, or what the environment variable
 * HADAL_CPU_ISA names ("scalar", "avx2", "avx512f", "avx512"); one that the processor lacks is refused. Where a thread
 * can't be started it is HD_STATUS_OUT_OF_MEMORY, and none stays.
 * @param options which device and how.
 * @param device receives a handle that the caller releases with hd_device_release.
 */
HD_API int32_t hd_device_create(const hd_device_options* options, hd_device** device);

/**
 * Gives a device handle back. Streams and buffers of the device stay usable.
 * @param device a handle, or null, which does nothing.
 */
HD_API int32_t hd_device_release(hd_device* device);

/**
 * Tells what a device is.
 * @param device the device.
 * @param info struct_size set by the caller; the rest is filled in.
 */
HD_API int32_t hd_device_get_info(hd_device* device, hd_device_info* info);

/**
 * Tells how much memory of a device is free: on the CPU what the process may still take, of the host's memory and of
 * its cgroup's limit. Cached files count as free.
 * @param device the device.
 * @param free_bytes receives the free memory in bytes.
 */
HD_API int32_t hd_device_free_memory(hd_device* device, uint64_t* free_bytes);

/**
 * Names the variant that serves an operation on a device, as "fp8_gemm/avx512".
 * @param device the device.
 * @param op hd_op.
 * @param buffer receives the name, NUL-terminated.
 * @param capacity bytes of buffer.
 */
HD_API int32_t hd_kernel_name(hd_device* device, int32_t op, char* buffer, uint64_t capacity);

/**
 * Makes a stream.
 * @param device its device, which it keeps alive.
 * @param stream receives a handle that the caller releases with hd_stream_release.
 */
HD_API int32_t hd_stream_create(hd_device* device, hd_stream** stream);

/**
 * Gives a stream handle back after its queued work is done.
 * @param stream a handle, or null, which does nothing.
 */
HD_API int32_t hd_stream_release(hd_stream* stream);

/**
 * Waits until all work queued on a stream is done.
 * @param stream the stream.
 */
HD_API int32_t hd_stream_synchronize(hd_stream* stream);

/**
 * Allocates memory of a device, zeroed, aligned to HD_ALIGNMENT.
 * @param device its device, which the buffer keeps alive.
 * @param size bytes, at least 1.
 * @param buffer receives a handle that the caller releases with hd_buffer_release.
 */
HD_API int32_t hd_buffer_create(hd_device* device, uint64_t size, hd_buffer** buffer);

/**
 * Makes a buffer of host memory that the caller owns, without a copy (a mapped checkpoint, say). Only on a device whose
 * hd_device_info has host_memory.
 * @param device its device.
 * @param data the memory, any alignment; it must outlive the buffer and every call that uses it.
 * @param size bytes, at least 1.
 * @param buffer receives a handle that the caller releases with hd_buffer_release; the memory is not freed.
 */
HD_API int32_t hd_buffer_import(hd_device* device, void* data, uint64_t size, hd_buffer** buffer);

/**
 * Gives a buffer back and frees its memory, unless it was imported.
 * @param buffer a handle, or null, which does nothing.
 */
HD_API int32_t hd_buffer_release(hd_buffer* buffer);

/**
 * Tells where a buffer's memory is.
 * @param buffer the buffer.
 * @param data receives its device address, valid until the buffer is released.
 * @param size receives its size in bytes; may be null.
 */
HD_API int32_t hd_buffer_get_data(hd_buffer* buffer, void** data, uint64_t* size);

/**
 * Copies host memory to the device. The source may be reused when the call returns.
 * @param stream where it is queued.
 * @param destination device memory.
 * @param source host memory.
 * @param size bytes.
 */
HD_API int32_t hd_copy_to_device(hd_stream* stream, void* destination, const void* source, uint64_t size);

/**
 * Copies device memory to the host, and waits for it.
 * @param stream where it is queued.
 * @param destination host memory.
 * @param source device memory.
 * @param size bytes.
 */
HD_API int32_t hd_copy_to_host(hd_stream* stream, void* destination, const void* source, uint64_t size);

/**
 * Copies within the device.
 * @param stream where it is queued.
 * @param destination device memory, not overlapping source.
 * @param source device memory.
 * @param size bytes.
 */
HD_API int32_t hd_copy(hd_stream* stream, void* destination, const void* source, uint64_t size);

/**
 * Begins to record: until hd_graph_end, kernel calls and hd_copy on this stream are noted down with their arguments,
 * and not run. Other calls on the stream, hd_copy_to_host and hd_buffer_create among them, are refused or spoil the
 * record. What is to differ from launch to launch must be in device memory.
 * @param stream the stream to record, used by this thread alone until hd_graph_end.
 * @return HD_STATUS_UNSUPPORTED where hd_device_info has no graphs: make the calls instead.
 */
HD_API int32_t hd_graph_begin(hd_stream* stream);

/**
 * Ends a record, also one that a refused call has spoiled.
 * @param stream the stream of hd_graph_begin.
 * @param graph receives a handle that the caller releases with hd_graph_release; the buffers and workspaces that its
 * calls named must outlive it. Host arrays are read by the calls themselves.
 */
HD_API int32_t hd_graph_end(hd_stream* stream, hd_graph** graph);

/**
 * Queues all calls of a graph.
 * @param graph the graph, which must stay until they are done.
 * @param stream a stream of the same device.
 */
HD_API int32_t hd_graph_launch(hd_graph* graph, hd_stream* stream);

/**
 * Gives a graph back.
 * @param graph a handle, or null, which does nothing. It may outlive its stream.
 */
HD_API int32_t hd_graph_release(hd_graph* graph);

/**
 * Tells how much workspace a kernel call wants.
 * @param device where it will run.
 * @param op hd_op.
 * @param args the struct that the call takes; shapes must be right, data pointers may be null.
 * @param size receives the bytes; 0 where none is wanted.
 */
HD_API int32_t hd_workspace_size(hd_device* device, int32_t op, const void* args, uint64_t* size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * FP8
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_fp8_quantize. */
typedef struct hd_fp8_quantize_args {
  uint32_t struct_size;       /**< sizeof(hd_fp8_quantize_args). */
  int32_t x_dtype;            /**< act. */
  int32_t scale_format;       /**< hd_scale_format. */
  int32_t m;                  /**< Rows. */
  int32_t k;                  /**< Columns, a multiple of 128. */
  const void* x;              /**< [m, k]. */
  int64_t x_stride;           /**< Between rows of x, at least k. */
  uint8_t* q;                 /**< [m, k] e4m3, contiguous. */
  float* scale;               /**< [m, k/128]: element (i, j) at i * scale_row_stride + j * scale_block_stride. */
  int64_t scale_row_stride;   /**< At least 1; 1 for the MN-major form that CUDA's GEMM takes. */
  int64_t scale_block_stride; /**< At least 1; align(m, 4) for that form. */
} hd_fp8_quantize_args;

/**
 * Quantises activations to e4m3 with one scale per row and 128 columns: s as hd_scale_format tells, then
 * q = rne(clamp(x / s, -448, 448)) by a true f32 division. NaN becomes the code 0x7f; an infinite amax gives an
 * infinite scale. Source: act_quant of DeepSeek-V3.2-Exp's inference/kernel.py.
 */
HD_API int32_t hd_fp8_quantize(hd_stream* stream, const hd_fp8_quantize_args* args, void* workspace,
                               uint64_t workspace_size);

/** Arguments of hd_fp8_dequantize. */
typedef struct hd_fp8_dequantize_args {
  uint32_t struct_size;   /**< sizeof(hd_fp8_dequantize_args). */
  int32_t y_dtype;        /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t n;              /**< Rows. */
  int32_t k;              /**< Columns. */
  const uint8_t* q;       /**< [n, k] e4m3, contiguous. */
  const float* scale_inv; /**< [ceil(n/128), ceil(k/128)]: one a block. */
  void* y;                /**< [n, k], contiguous. */
} hd_fp8_dequantize_args;

/** Expands a block-quantised weight: y = q * scale_inv, one rounding to y_dtype. */
HD_API int32_t hd_fp8_dequantize(hd_stream* stream, const hd_fp8_dequantize_args* args, void* workspace,
                                 uint64_t workspace_size);

/** Arguments of hd_fp8_gemm. */
typedef struct hd_fp8_gemm_args {
  uint32_t struct_size;         /**< sizeof(hd_fp8_gemm_args). */
  int32_t d_dtype;              /**< act. */
  int32_t m;                    /**< Rows of a and d. */
  int32_t n;                    /**< Rows of b, columns of d. */
  int32_t k;                    /**< Columns of a and b, a multiple of 128, at least 128. */
  const uint8_t* a;             /**< [m, k] e4m3, contiguous. */
  const float* a_scale;         /**< [m, k/128]: element (i, j) at i * a_scale_row_stride + j * a_scale_block_stride. */
  int64_t a_scale_row_stride;   /**< CPU: at least 1. CUDA: 1. */
  int64_t a_scale_block_stride; /**< CPU: at least 1. CUDA: align(m, 4). */
  const uint8_t* b;             /**< [n, k] e4m3, K-major, contiguous, any alignment on the CPU. */
  const float* b_scale;         /**< [ceil(n/128), k/128] (weight_scale_inv), 4-byte aligned. */
  int32_t b_scale_is_pow2; /**< 1: every b_scale and up_scale is known to be a power of two, which is not checked; 0:
                              nothing is known. */
  void* d;                 /**< [m, n] of d_dtype. */
  int64_t d_stride;        /**< Between rows of d, at least n. */
  int32_t has_up;          /**< 1: the product is a SwiGLU of b and up; 0: up and up_scale are null. */
  const uint8_t* up;       /**< [n, k], as b. */
  const float* up_scale;   /**< As b_scale. */
} hd_fp8_gemm_args;

/**
 * d = a * b^T with block scales: an f32 partial sum per 128 of K, times (a_scale * b_scale), summed in f32 in ascending
 * K, rounded once. With has_up, d = silu(a * b^T) * (a * up^T), the bits that hd_silu_mul gives for the two products,
 * each rounded to d_dtype. Source: fp8_gemm of inference/kernel.py, MLP and Expert of inference/model.py; DeepGEMM's
 * fp8_gemm_nt, 1x128 by 128x128.
 */
HD_API int32_t hd_fp8_gemm(hd_stream* stream, const hd_fp8_gemm_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_fp8_gemm_multi. */
typedef struct hd_fp8_gemm_multi_args {
  uint32_t struct_size;           /**< sizeof(hd_fp8_gemm_multi_args). */
  int32_t d_dtype;                /**< act, of every d. */
  int32_t count;                  /**< Products, 1 to 4. */
  int32_t m;                      /**< Rows of a and of every d. */
  int32_t k;                      /**< Columns of a and of every b, a multiple of 128, at least 128. */
  const uint8_t* a;               /**< [m, k] e4m3, contiguous. */
  const float* a_scale;           /**< [m, k/128], strided as in hd_fp8_gemm. */
  int64_t a_scale_row_stride;     /**< As in hd_fp8_gemm. */
  int64_t a_scale_block_stride;   /**< As in hd_fp8_gemm. */
  const int32_t* n;               /**< Host array [count]: rows of each b, columns of each d. */
  const uint8_t* const* b;        /**< Host array [count] of pointers to [n, k] e4m3, as in hd_fp8_gemm. */
  const float* const* b_scale;    /**< Host array [count] of pointers to [ceil(n/128), k/128]. */
  const int32_t* b_scale_is_pow2; /**< Host array [count], each as in hd_fp8_gemm. */
  void* const* d;                 /**< Host array [count] of pointers to [m, n] of d_dtype. */
  const int64_t* d_stride;        /**< Host array [count]: between rows of each d, at least its n. */
} hd_fp8_gemm_multi_args;

/** Several products of one a, each that of hd_fp8_gemm, bit for bit: the projections of one input in one call. */
HD_API int32_t hd_fp8_gemm_multi(hd_stream* stream, const hd_fp8_gemm_multi_args* args, void* workspace,
                                 uint64_t workspace_size);

/** Arguments of hd_fp8_gemm_contiguous. */
typedef struct hd_fp8_gemm_contiguous_args {
  uint32_t struct_size;          /**< sizeof(hd_fp8_gemm_contiguous_args). */
  int32_t d_dtype;               /**< act. */
  int32_t groups;                /**< Weights. */
  int32_t m;                     /**< Rows of a and d, padding included. CUDA: each group padded to 128 rows. */
  int32_t n;                     /**< Rows of each b. */
  int32_t k;                     /**< Columns, a multiple of 128, at least 128. */
  const uint8_t* a;              /**< [m, k] e4m3, rows of a group side by side. */
  const float* a_scale;          /**< [m, k/128], strided as in hd_fp8_gemm. */
  int64_t a_scale_row_stride;    /**< As in hd_fp8_gemm. */
  int64_t a_scale_block_stride;  /**< As in hd_fp8_gemm. */
  const uint8_t* const* b;       /**< Host array [groups] of pointers to [n, k] e4m3. CUDA: equally spaced. */
  const float* const* b_scale;   /**< Host array [groups] of pointers to [ceil(n/128), k/128]. CUDA: equally spaced. */
  int32_t b_scale_is_pow2;       /**< As in hd_fp8_gemm, of all groups. */
  const int32_t* grouped_layout; /**< [m]: group of each row, -1 on padding; else not descending (not checked). */
  void* d;        /**< [m, n] of d_dtype, contiguous; padding rows: not written on the CPU, anything on CUDA. */
  int32_t has_up; /**< As in hd_fp8_gemm. */
  const uint8_t* const* up;     /**< As b. */
  const float* const* up_scale; /**< As b_scale. */
} hd_fp8_gemm_contiguous_args;

/**
 * The grouped form of hd_fp8_gemm for prefill: row i is multiplied by the weight of group grouped_layout[i]. Source:
 * DeepGEMM's m_grouped_fp8_gemm_nt_contiguous. A group index outside [-1, groups) is refused on the CPU.
 */
HD_API int32_t hd_fp8_gemm_contiguous(hd_stream* stream, const hd_fp8_gemm_contiguous_args* args, void* workspace,
                                      uint64_t workspace_size);

/** Arguments of hd_fp8_gemm_masked. */
typedef struct hd_fp8_gemm_masked_args {
  uint32_t struct_size;         /**< sizeof(hd_fp8_gemm_masked_args). */
  int32_t d_dtype;              /**< act. */
  int32_t groups;               /**< Weights. */
  int32_t m_max;                /**< Rows kept for each group. CUDA: a multiple of 128. */
  int32_t n;                    /**< Rows of each b. */
  int32_t k;                    /**< Columns, a multiple of 128, at least 128. */
  const uint8_t* a;             /**< [groups, m_max, k] e4m3, contiguous. */
  const float* a_scale;         /**< [groups, m_max, k/128]: group g at g * a_scale_group_stride. */
  int64_t a_scale_group_stride; /**< Between groups of a_scale. */
  int64_t a_scale_row_stride;   /**< As in hd_fp8_gemm. */
  int64_t a_scale_block_stride; /**< As in hd_fp8_gemm. */
  const uint8_t* const* b;      /**< As in hd_fp8_gemm_contiguous. */
  const float* const* b_scale;  /**< As in hd_fp8_gemm_contiguous. */
  int32_t b_scale_is_pow2;      /**< As in hd_fp8_gemm, of all groups. */
  const int32_t* masked_m;      /**< [groups]: rows of each group that count, 0 to m_max. */
  void* d; /**< [groups, m_max, n] of d_dtype, contiguous; rows past masked_m: not written on the CPU, anything on CUDA.
            */
  int32_t has_up;               /**< As in hd_fp8_gemm. */
  const uint8_t* const* up;     /**< As b. */
  const float* const* up_scale; /**< As b_scale. */
} hd_fp8_gemm_masked_args;

/** The grouped form of hd_fp8_gemm for decode. Source: DeepGEMM's m_grouped_fp8_gemm_nt_masked. */
HD_API int32_t hd_fp8_gemm_masked(hd_stream* stream, const hd_fp8_gemm_masked_args* args, void* workspace,
                                  uint64_t workspace_size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * Dense products, norms and elementwise operations
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_gemm. */
typedef struct hd_gemm_args {
  uint32_t struct_size;    /**< sizeof(hd_gemm_args). */
  int32_t a_dtype;         /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t b_dtype;         /**< hd_weight_format: any. */
  int32_t d_dtype;         /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t b_is_kn;         /**< 0: b is [n, k] (K-major). 1: b is [k, n] (MN-major). */
  int32_t batch;           /**< Products; 1 for a plain one. */
  int32_t m;               /**< Rows of a and d. */
  int32_t n;               /**< Columns of d. */
  int32_t k;               /**< Columns of a. 0 gives zeros. */
  int32_t b_scale_is_pow2; /**< 1: every scale of b is a positive power of two (not checked), which a faster kernel may
                              use. */
  const void* a;           /**< [batch][m, k]. */
  int64_t a_stride;        /**< Between rows, at least k unless m is 1. */
  int64_t a_batch_stride;  /**< Between batches; 0 shares one a. */
  const void* b;           /**< [batch][n, k] or [batch][k, n]; any alignment on the CPU. */
  int64_t b_stride;        /**< Between rows of b, at least its columns. */
  int64_t b_batch_stride;  /**< Between batches; 0 shares one b. */
  void* d;                 /**< [batch][m, n]. */
  int64_t d_stride;        /**< Between rows of d, at least n. */
  int64_t d_batch_stride;  /**< Between batches, at least n. */
  const float* b_scale; /**< e4m3: [batch][ceil(rows/128), ceil(columns/128)], one for 128 x 128 of b; else not read. */
  int64_t b_scale_stride;       /**< Between rows of b_scale, at least their number of scales. */
  int64_t b_scale_batch_stride; /**< Between batches; 0 shares one b_scale. */
} hd_gemm_args;

/**
 * d = a * b^T (or a * b) for each batch, products and sums in f32, one rounding to d_dtype. A b of e4m3 is taken as
 * hd_fp8_dequantize would give it in bf16: code * scale, rounded. The batched form serves the absorbed projections W_UK
 * (b_is_kn = 1) and W_UV (b_is_kn = 0) with one batch a head, where the rows of a and d of different batches interleave
 * (a_stride = heads * width, a_batch_stride = width). Source: DeepGEMM's bf16_gemm_nt and einsum.
 */
HD_API int32_t hd_gemm(hd_stream* stream, const hd_gemm_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_gemm_contiguous. */
typedef struct hd_gemm_contiguous_args {
  uint32_t struct_size;          /**< sizeof(hd_gemm_contiguous_args). */
  int32_t a_dtype;               /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t b_format;              /**< hd_weight_format of every b: HD_WEIGHT_BF16 or HD_WEIGHT_F32. */
  int32_t d_dtype;               /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t groups;                /**< Weights. */
  int32_t m;                     /**< Rows of a and d, padding included. CUDA: each group padded to 128 rows. */
  int32_t n;                     /**< Rows of each b. */
  int32_t k;                     /**< Columns of a and of each b, at least 1. */
  const void* a;                 /**< [m, k], contiguous, rows of a group side by side. */
  const void* const* b;          /**< Host array [groups] of pointers to [n, k], contiguous, any alignment on the CPU.
                                    CUDA: equally spaced. */
  const int32_t* grouped_layout; /**< [m]: group of each row, -1 on padding; else not descending (not checked). */
  void* d; /**< [m, n] of d_dtype, contiguous; padding rows: not written on the CPU, anything on CUDA. */
} hd_gemm_contiguous_args;

/**
 * The grouped form of hd_gemm, for experts that are not quantised: row i is multiplied by the weight of group
 * grouped_layout[i]. On the CPU a row has the bits that hd_gemm gives for it and that weight. A group index outside
 * [-1, groups) is refused on the CPU. Source: DeepGEMM's m_grouped_bf16_gemm_nt_contiguous.
 */
HD_API int32_t hd_gemm_contiguous(hd_stream* stream, const hd_gemm_contiguous_args* args, void* workspace,
                                  uint64_t workspace_size);

/** Arguments of hd_rms_norm. */
typedef struct hd_rms_norm_args {
  uint32_t struct_size;         /**< sizeof(hd_rms_norm_args). */
  int32_t x_dtype;              /**< act, of x, residual and y. */
  int32_t weight_dtype;         /**< HD_DTYPE_F32 or HD_DTYPE_BF16. */
  int32_t m;                    /**< Rows. */
  int32_t n;                    /**< Columns. */
  float epsilon;                /**< Added to the mean square, above 0. */
  const void* x;                /**< [m, n]. */
  int64_t x_stride;             /**< Between rows of x, at least n. */
  void* residual;               /**< [m, n] contiguous or null: x is added to it; read and written. */
  const void* weight;           /**< [n], any alignment on the CPU. */
  void* y;                      /**< [m, n]; may be x itself with the same stride. With q it may be null. */
  int64_t y_stride;             /**< Between rows of y, at least n. */
  uint8_t* q;                   /**< [m, n] e4m3, contiguous, n a multiple of 128; or null. */
  float* q_scale;               /**< With q: [m, n/128], strided as the scale of hd_fp8_quantize. */
  int64_t q_scale_row_stride;   /**< As in hd_fp8_quantize. */
  int64_t q_scale_block_stride; /**< As in hd_fp8_quantize. */
  int32_t q_scale_format;       /**< hd_scale_format, with q. */
} hd_rms_norm_args;

/**
 * h = x + residual in f32; residual = round(h); y = round(h * rsqrt(mean(h^2) + epsilon) * weight), the norm taken of
 * the unrounded h, the weight multiplied in f32. With q, y is also quantised, to the bits that hd_fp8_quantize gives
 * for it: the input of the projections that follow. Source: RMSNorm of DeepSeek-V3.2-Exp's inference/model.py.
 */
HD_API int32_t hd_rms_norm(hd_stream* stream, const hd_rms_norm_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_layer_norm. */
typedef struct hd_layer_norm_args {
  uint32_t struct_size; /**< sizeof(hd_layer_norm_args). */
  int32_t x_dtype;      /**< act, of x and y. */
  int32_t weight_dtype; /**< HD_DTYPE_F32 or HD_DTYPE_BF16, of weight and bias. */
  int32_t m;            /**< Rows. */
  int32_t n;            /**< Columns. */
  float epsilon;        /**< Added to the variance, above 0. */
  const void* x;        /**< [m, n]. */
  int64_t x_stride;     /**< Between rows of x, at least n. */
  const void* weight;   /**< [n], any alignment on the CPU. */
  const void* bias;     /**< [n], any alignment on the CPU. */
  void* y;              /**< [m, n]; may be x itself with the same stride. */
  int64_t y_stride;     /**< Between rows of y, at least n. */
} hd_layer_norm_args;

/** y = round((x - mean) * rsqrt(var + epsilon) * weight + bias), in f32, var the biased variance: the indexer's k_norm.
 */
HD_API int32_t hd_layer_norm(hd_stream* stream, const hd_layer_norm_args* args, void* workspace,
                             uint64_t workspace_size);

/** Arguments of hd_rope_table. */
typedef struct hd_rope_table_args {
  uint32_t struct_size;           /**< sizeof(hd_rope_table_args). */
  int32_t positions;              /**< Rows: positions 0 to positions - 1, at most 2^24. */
  int32_t half;                   /**< Frequencies, at most 65536; 32 for a rotary width of 64. */
  const float* inverse_frequency; /**< [half], after YaRN. */
  float* table;                   /**< [positions, 2 * half]: cosines, then sines. */
} hd_rope_table_args;

/** Fills a table of cosines and sines: the angle is position * frequency rounded to f32, its cosine and sine exact. */
HD_API int32_t hd_rope_table(hd_stream* stream, const hd_rope_table_args* args, void* workspace,
                             uint64_t workspace_size);

/** Arguments of hd_rope. */
typedef struct hd_rope_args {
  uint32_t struct_size;     /**< sizeof(hd_rope_args). */
  int32_t x_dtype;          /**< act, of x and y. */
  int32_t layout;           /**< hd_rope_layout. */
  int32_t m;                /**< Tokens. */
  int32_t heads;            /**< Heads of each token. */
  int32_t dim;              /**< Rotary width, even, 2 to 65536. */
  int32_t table_positions;  /**< Rows of table, at least 1; a position outside is refused on the CPU. */
  const void* x;            /**< [m, heads, dim]. */
  int64_t x_stride;         /**< Between tokens of x, at least dim. */
  int64_t x_head_stride;    /**< Between heads of x, at least dim. */
  const int32_t* positions; /**< [m]. */
  const float* table;       /**< [table_positions, dim]: cosines, then sines (hd_rope_table). */
  void* y;                  /**< [m, heads, dim]; may be x itself with the same strides. */
  int64_t y_stride;         /**< Between tokens of y, at least dim. */
  int64_t y_head_stride;    /**< Between heads of y, at least dim. */
} hd_rope_args;

/**
 * Turns each pair (a, b) to (a cos - b sin, a sin + b cos), in f32, one rounding; the layout of the pairs stays as it
 * was. Source: apply_rotary_emb of inference/model.py, in its corrected form (the indexer's pairs are halves).
 */
HD_API int32_t hd_rope(hd_stream* stream, const hd_rope_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_hadamard. */
typedef struct hd_hadamard_args {
  uint32_t struct_size; /**< sizeof(hd_hadamard_args). */
  int32_t x_dtype;      /**< act, of x and y. */
  int32_t m;            /**< Rows. */
  int32_t n;            /**< Columns, a power of two from 2 to 1024. */
  const void* x;        /**< [m, n], contiguous. */
  void* y;              /**< [m, n], contiguous; may be x itself. */
} hd_hadamard_args;

/** y = round(x * H_n * n^-0.5), H in natural (Sylvester) order, sums in f32. Source: fast_hadamard_transform. */
HD_API int32_t hd_hadamard(hd_stream* stream, const hd_hadamard_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_embedding. */
typedef struct hd_embedding_args {
  uint32_t struct_size; /**< sizeof(hd_embedding_args). */
  int32_t table_dtype;  /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t y_dtype;      /**< HD_DTYPE_BF16 or HD_DTYPE_F32. */
  int32_t m;            /**< Rows to take. */
  int32_t n;            /**< Columns. */
  int32_t rows;         /**< Rows of table. */
  const int32_t* ids;   /**< [m], each in [0, rows): refused outside on the CPU. */
  const void* table;    /**< [rows, n], contiguous, any alignment on the CPU. */
  void* y;              /**< [m, n], contiguous. */
} hd_embedding_args;

/** Takes rows: y[i] = table[ids[i]]. Token embedding, and picking the rows that want logits. */
HD_API int32_t hd_embedding(hd_stream* stream, const hd_embedding_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_silu_mul. */
typedef struct hd_silu_mul_args {
  uint32_t struct_size; /**< sizeof(hd_silu_mul_args). */
  int32_t x_dtype;      /**< act, of gate, up and y. */
  int32_t m;            /**< Rows. */
  int32_t n;            /**< Columns. */
  const void* gate;     /**< [m, n]. */
  int64_t gate_stride;  /**< Between rows of gate, at least n. */
  const void* up;       /**< [m, n]. */
  int64_t up_stride;    /**< Between rows of up, at least n. */
  void* y;              /**< [m, n], contiguous; may be gate or up itself where contiguous. */
} hd_silu_mul_args;

/** y = round(gate / (1 + exp(-gate)) * up), in f32. */
HD_API int32_t hd_silu_mul(hd_stream* stream, const hd_silu_mul_args* args, void* workspace, uint64_t workspace_size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * Mixture of experts
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_moe_route. */
typedef struct hd_moe_route_args {
  uint32_t struct_size; /**< sizeof(hd_moe_route_args). */
  int32_t m;            /**< Tokens. */
  int32_t experts;      /**< Routed experts, 1 to 1024. */
  int32_t groups;       /**< Groups of experts (n_group), at least 1, which skips the group step. Divides experts. */
  int32_t top_groups;   /**< Groups kept (topk_group), 1 to groups. */
  int32_t top_experts;  /**< Experts chosen (num_experts_per_tok), 1 to top_groups * experts / groups. */
  int32_t normalize;    /**< 1: weights are divided by their sum (norm_topk_prob). */
  float scale;          /**< routed_scaling_factor. */
  const float* logits;  /**< [m, experts], contiguous. NaN is refused on the CPU. */
  const float* bias;    /**< [experts] (e_score_correction_bias) or null. What is not finite is refused on the CPU. */
  int32_t* ids;         /**< [m, top_experts]: chosen experts, ascending. */
  float* weights;       /**< [m, top_experts]: their weights. */
} hd_moe_route_args;

/**
 * Chooses experts: s = sigmoid(logits); biased = s + bias; a group's score is the sum of its two best biased scores
 * (its best where a group has one expert); the best top_groups groups stay; among their experts the top_experts best
 * biased scores are taken (ties, of groups too: the lower one); weights = s / sum(s) * scale, NaN where all of them
 * are 0. The bias only selects. A sum that overflows is an infinity, and has its place in the order. Where NaN is not
 * refused it ranks below every number: the ids are distinct and valid in any case. Source: Gate of inference/model.py
 * (noaux_tc), with excluded groups at -inf.
 */
HD_API int32_t hd_moe_route(hd_stream* stream, const hd_moe_route_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_moe_permute. */
typedef struct hd_moe_permute_args {
  uint32_t struct_size; /**< sizeof(hd_moe_permute_args). */
  int32_t m;            /**< Tokens. */
  int32_t k;            /**< Columns of x, a multiple of 128. */
  int32_t experts;      /**< Groups, 1 to 1024. */
  int32_t top_experts;  /**< Experts a token, 1 to experts. */
  int32_t alignment;    /**< Rows that each group is padded to, 1 to 65536: 128 for CUDA's grouped GEMM. */
  int32_t rows;         /**< Rows of y: at least m * top_experts, each group's share rounded up to alignment. */
  const int32_t* ids;   /**< [m, top_experts], each in [0, experts): refused outside on the CPU. */
  const uint8_t* x;     /**< [m, k] of x_dtype, contiguous. CUDA: x and y 16-byte aligned. */
  const float* x_scale; /**< [m, k/128], strided. Scales and their strides count for e4m3 alone; else any will do. */
  int64_t x_scale_row_stride;   /**< Between rows of x_scale, at least 1. */
  int64_t x_scale_block_stride; /**< Between blocks of x_scale, at least 1. */
  uint8_t* y;                   /**< [rows, k] of x_dtype: rows of expert 0, its padding, rows of expert 1, ... */
  float* y_scale;               /**< [rows, k/128], strided. */
  int64_t y_scale_row_stride;   /**< Between rows of y_scale, at least 1. */
  int64_t y_scale_block_stride; /**< Between blocks of y_scale, at least 1. */
  int32_t* row_of;              /**< [m, top_experts]: the row of y that holds this token for this expert. */
  int32_t* grouped_layout;      /**< [rows]: expert of each row of y, -1 on padding and past the end. */
  int32_t x_dtype;              /**< Of x and y: HD_DTYPE_F8_E4M3, for which 0 stands too, HD_DTYPE_BF16 or
                                   HD_DTYPE_F32. */
} hd_moe_permute_args;

/**
 * Sorts tokens by expert for hd_fp8_gemm_contiguous or hd_gemm_contiguous; within an expert rows keep the order of
 * tokens. Padding rows of y and y_scale are not written. Without tokens all of grouped_layout becomes -1.
 */
HD_API int32_t hd_moe_permute(hd_stream* stream, const hd_moe_permute_args* args, void* workspace,
                              uint64_t workspace_size);

/** Arguments of hd_moe_combine. */
typedef struct hd_moe_combine_args {
  uint32_t struct_size;  /**< sizeof(hd_moe_combine_args). */
  int32_t x_dtype;       /**< act, of x, shared and y. */
  int32_t m;             /**< Tokens. */
  int32_t n;             /**< Columns. */
  int32_t top_experts;   /**< Experts a token, 1 to 1024. */
  int32_t rows;          /**< Rows of x. */
  const void* x;         /**< [rows, n]: the experts' outputs, as hd_moe_permute placed them. */
  const int32_t* row_of; /**< [m, top_experts], slots in ascending expert id, each in [0, rows). */
  const float* weights;  /**< [m, top_experts]. */
  const void* shared;    /**< [m, n]: output of the shared experts, or null. */
  void* y;               /**< [m, n], contiguous; may be shared itself. */
} hd_moe_combine_args;

/** y = round(sum over slots of weight * x[row_of], then + shared), in f32, in the order of the slots. */
HD_API int32_t hd_moe_combine(hd_stream* stream, const hd_moe_combine_args* args, void* workspace,
                              uint64_t workspace_size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * Caches. A slot is page * 64 + token within the page, as an int32_t. A cache is [pages] of 64 tokens,
 * contiguous.
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_mla_cache_append. */
typedef struct hd_mla_cache_append_args {
  uint32_t struct_size;  /**< sizeof(hd_mla_cache_append_args). */
  int32_t x_dtype;       /**< act, of latent and rope: HD_DTYPE_F32 for the F32 formats, else HD_DTYPE_BF16. */
  int32_t format;        /**< hd_mla_format. */
  int32_t scale_format;  /**< hd_scale_format, for the FP8 formats. */
  int32_t m;             /**< Tokens. */
  int32_t pages;         /**< Pages of the cache. */
  const void* latent;    /**< [m, 512], after kv_a_layernorm. */
  int64_t latent_stride; /**< Between tokens of latent, at least 512. */
  const void* rope;      /**< [m, 64], after the rotary embedding. */
  int64_t rope_stride;   /**< Between tokens of rope, at least 64. */
  const int32_t* slots;  /**< [m], each in [-1, pages * 64); -1 appends nothing. No slot twice, which is not checked: it
                              would be left with either token, or with parts of both. */
  void* cache;           /**< [pages, 64, bytes of a token]. */
} hd_mla_cache_append_args;

/**
 * Writes tokens into an MLA cache. The FP8 formats quantise the latent per 128 by the rule of hd_fp8_quantize. Layout:
 * FlashMLA's FP8 KV cache (656 bytes a token).
 */
HD_API int32_t hd_mla_cache_append(hd_stream* stream, const hd_mla_cache_append_args* args, void* workspace,
                                   uint64_t workspace_size);

/** Arguments of hd_mla_cache_gather. */
typedef struct hd_mla_cache_gather_args {
  uint32_t struct_size; /**< sizeof(hd_mla_cache_gather_args). */
  int32_t format;       /**< hd_mla_format. */
  int32_t y_dtype;      /**< act, as hd_mla_cache_append's x_dtype. */
  int32_t m;            /**< Tokens to take. */
  int32_t pages;        /**< Pages of the cache. */
  const int32_t* slots; /**< [m], each in [-1, pages * 64); -1 gives zeros. */
  const void* cache;    /**< [pages, 64, bytes of a token]. */
  void* y;              /**< [m, 576]: latent (times its scales, one rounding), then rope. */
  int64_t y_stride;     /**< Between tokens of y, at least 576. */
} hd_mla_cache_gather_args;

/** Reads tokens back from an MLA cache, dequantised. */
HD_API int32_t hd_mla_cache_gather(hd_stream* stream, const hd_mla_cache_gather_args* args, void* workspace,
                                   uint64_t workspace_size);

/** Arguments of hd_index_cache_append. */
typedef struct hd_index_cache_append_args {
  uint32_t struct_size; /**< sizeof(hd_index_cache_append_args). */
  int32_t x_dtype;      /**< act. */
  int32_t scale_format; /**< hd_scale_format. */
  int32_t m;            /**< Tokens. */
  int32_t pages;        /**< Pages of the cache. */
  const void* k;        /**< [m, 128]: indexer keys after norm, rotary embedding and Hadamard transform. */
  int64_t k_stride;     /**< Between tokens of k, at least 128. */
  const int32_t* slots; /**< [m], each in [-1, pages * 64); -1 appends nothing. No slot twice, which is not checked: it
                              would be left with either token, or with parts of both. */
  uint8_t* cache;       /**< [pages, 8448]: 64 x 128 e4m3, then 64 f32 scales. */
} hd_index_cache_append_args;

/** Quantises indexer keys (rule of hd_fp8_quantize) into the index cache. Layout: DeepGEMM's paged MQA logits. */
HD_API int32_t hd_index_cache_append(hd_stream* stream, const hd_index_cache_append_args* args, void* workspace,
                                     uint64_t workspace_size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * The lightning indexer
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_indexer_weights. */
typedef struct hd_indexer_weights_args {
  uint32_t struct_size; /**< sizeof(hd_indexer_weights_args). */
  int32_t m;            /**< Tokens. */
  int32_t heads;        /**< Index heads. */
  float head_scale;     /**< heads^-0.5. */
  float softmax_scale;  /**< index_head_dim^-0.5. */
  const float* x;       /**< [m, heads]: weights_proj of the layer's input, f32. */
  const float* q_scale; /**< [m, heads]: scales of the quantised indexer queries. */
  float* y;             /**< [m, heads]; may be x itself. */
} hd_indexer_weights_args;

/** y = x * head_scale * q_scale * softmax_scale, multiplied in that order. */
HD_API int32_t hd_indexer_weights(hd_stream* stream, const hd_indexer_weights_args* args, void* workspace,
                                  uint64_t workspace_size);

/** Arguments of hd_indexer_logits. */
typedef struct hd_indexer_logits_args {
  uint32_t struct_size;  /**< sizeof(hd_indexer_logits_args). */
  int32_t m;             /**< Queries. */
  int32_t heads;         /**< Index heads, 1 to 128. */
  int32_t keys;          /**< Keys. */
  const uint8_t* q;      /**< [m, heads, 128] e4m3. */
  const float* weights;  /**< [m, heads] (hd_indexer_weights; the q scale is folded in). */
  const uint8_t* k;      /**< [keys, 128] e4m3. */
  const float* k_scale;  /**< [keys]. CUDA: readable up to a multiple of 4. */
  const int32_t* start;  /**< [m]: first key that the query sees. */
  const int32_t* end;    /**< [m]: one past its last, start to keys. */
  float* logits;         /**< [m, logits_stride]: entries outside [start, end) are not written. */
  int64_t logits_stride; /**< Between rows, at least keys. */
} hd_indexer_logits_args;

/**
 * I[t, s] = k_scale[s] * sum over heads of weights[t, h] * relu(q[t, h] . k[s]), in f32, heads ascending. Source: the
 * DeepSeek-V3.2 report, equation 1; DeepGEMM's fp8_mqa_logits.
 */
HD_API int32_t hd_indexer_logits(hd_stream* stream, const hd_indexer_logits_args* args, void* workspace,
                                 uint64_t workspace_size);

/** Arguments of hd_indexer_logits_paged. */
typedef struct hd_indexer_logits_paged_args {
  uint32_t struct_size;        /**< sizeof(hd_indexer_logits_paged_args). */
  int32_t m;                   /**< Queries. */
  int32_t heads;               /**< Index heads, 1 to 128. */
  int32_t pages;               /**< Pages of the cache. */
  int32_t sequences;           /**< Rows of block_table, at least 1. */
  int32_t max_pages;           /**< Columns of block_table, at least 1. */
  const uint8_t* q;            /**< [m, heads, 128] e4m3. */
  const float* weights;        /**< [m, heads]. */
  const uint8_t* cache;        /**< [pages, 8448]: the index cache. */
  const int32_t* block_table;  /**< [sequences, max_pages]: the pages of each sequence, in order. */
  const int32_t* row_sequence; /**< [m]: the sequence of each query, in [0, sequences). */
  const int32_t* visible;      /**< [m]: keys that the query sees, 0 to max_pages * 64. */
  float* logits;               /**< [m, logits_stride]: entries from visible on are not written. */
  int64_t logits_stride;       /**< Between rows, at least the largest visible. */
} hd_indexer_logits_paged_args;

/** hd_indexer_logits over the paged index cache. Source: DeepGEMM's fp8_paged_mqa_logits. */
HD_API int32_t hd_indexer_logits_paged(hd_stream* stream, const hd_indexer_logits_paged_args* args, void* workspace,
                                       uint64_t workspace_size);

/** Arguments of hd_topk. */
typedef struct hd_topk_args {
  uint32_t struct_size;        /**< sizeof(hd_topk_args). */
  int32_t m;                   /**< Rows. */
  int32_t topk;                /**< Entries to choose, a multiple of 64, 64 to 2^20. */
  int32_t sequences;           /**< Rows of block_table, at least 1; not read without one. */
  int32_t max_pages;           /**< Columns of block_table, at least 1; not read without one. */
  const float* scores;         /**< [m, scores_stride]. */
  int64_t scores_stride;       /**< Between rows, at least the largest visible. */
  const int32_t* visible;      /**< [m]: candidates of the row, 0 to scores_stride. */
  const int32_t* block_table;  /**< [sequences, max_pages] or null. */
  const int32_t* row_sequence; /**< [m] with block_table, else null. */
  int32_t* positions;          /**< [m, topk] or null: chosen columns, ascending, then -1. */
  int32_t* indices;            /**< [m, topk] or null: the same as slots of the cache; needs block_table. */
} hd_topk_args;

/**
 * Chooses the min(topk, visible) largest scores of each row: score descending, then column ascending, exactly; the
 * result is in ascending order of column. -0 equals +0. A NaN among the candidates of a row with more of them than topk
 * is refused on the CPU with the row and column, when other rows may have been written; elsewhere it ranks below every
 * number.
 */
HD_API int32_t hd_topk(hd_stream* stream, const hd_topk_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_indexer_topk. */
typedef struct hd_indexer_topk_args {
  uint32_t struct_size;        /**< sizeof(hd_indexer_topk_args). */
  int32_t m;                   /**< Queries. */
  int32_t heads;               /**< Index heads, 1 to 128. */
  int32_t topk;                /**< Entries to choose, a multiple of 64, 64 to 2^20. */
  int32_t pages;               /**< Pages of the cache. */
  int32_t sequences;           /**< Rows of block_table, at least 1. */
  int32_t max_pages;           /**< Columns of block_table, at least 1. */
  const uint8_t* q;            /**< [m, heads, 128] e4m3. */
  const float* weights;        /**< [m, heads]. */
  const uint8_t* cache;        /**< [pages, 8448]: the index cache. */
  const int32_t* block_table;  /**< [sequences, max_pages]. */
  const int32_t* row_sequence; /**< [m]. */
  const int32_t* visible;      /**< [m], 0 to max_pages * 64. */
  int32_t* positions;          /**< [m, topk] or null: chosen positions, ascending, then -1. */
  int32_t* indices;            /**< [m, topk] or null: the same as slots of the cache. */
} hd_indexer_topk_args;

/**
 * hd_indexer_logits_paged and hd_topk in one: the same choice, without the logits in memory (on the CPU the workspace
 * does not grow with the context). A query that sees at most topk keys takes them all, unscored. NaN as in hd_topk.
 */
HD_API int32_t hd_indexer_topk(hd_stream* stream, const hd_indexer_topk_args* args, void* workspace,
                               uint64_t workspace_size);

/* ---------------------------------------------------------------------------------------------------------------- *
 * Attention
 * ---------------------------------------------------------------------------------------------------------------- */

/** Arguments of hd_sparse_mla. */
typedef struct hd_sparse_mla_args {
  uint32_t struct_size;   /**< sizeof(hd_sparse_mla_args). */
  int32_t q_dtype;        /**< act, of q and out: HD_DTYPE_F32 for HD_MLA_FP8_F32, HD_DTYPE_BF16 for HD_MLA_FP8. */
  int32_t format;         /**< HD_MLA_FP8 or HD_MLA_FP8_F32. */
  int32_t m;              /**< Queries. */
  int32_t heads;          /**< Query heads, at most 65536, which share the one latent head. */
  int32_t topk;           /**< Columns of indices, a multiple of 64, 64 to 2^20. */
  int32_t pages;          /**< Pages of the cache. */
  float softmax_scale;    /**< Multiplies q . k. */
  const void* q;          /**< [m, heads, 576]: latent part, then rope. */
  const void* cache;      /**< [pages, 64, bytes of a token]. */
  const int32_t* indices; /**< [m, topk]: slots, -1 for none; anything else outside is refused on the CPU. */
  void* out;              /**< [m, heads, 512]. */
  float* lse;             /**< [m, heads] or null: natural log of the sum of exponentials; -inf for an empty row. */
} hd_sparse_mla_args;

/**
 * out = softmax(softmax_scale * q . k) . latent over the chosen tokens; an empty row gives zeros. In BF16 the softmax's
 * weights are rounded to bf16 before they meet the latent, as on the GPU, and the sum that divides is of the unrounded.
 * Source: FlashMLA's sparse FP8 decode and sparse prefill.
 */
HD_API int32_t hd_sparse_mla(hd_stream* stream, const hd_sparse_mla_args* args, void* workspace,
                             uint64_t workspace_size);

/** Arguments of hd_dense_mla. */
typedef struct hd_dense_mla_args {
  uint32_t struct_size;        /**< sizeof(hd_dense_mla_args). */
  int32_t q_dtype;             /**< act, of q and out: HD_DTYPE_F32 for the F32 formats, else HD_DTYPE_BF16. */
  int32_t format;              /**< hd_mla_format. CUDA: HD_MLA_BF16. */
  int32_t m;                   /**< Queries. */
  int32_t heads;               /**< Query heads, at most 65536. */
  int32_t pages;               /**< Pages of the cache. */
  int32_t sequences;           /**< Rows of block_table, at least 1. */
  int32_t max_pages;           /**< Columns of block_table, at least 1. */
  float softmax_scale;         /**< Multiplies q . k. */
  const void* q;               /**< [m, heads, 576]. */
  const void* cache;           /**< [pages, 64, bytes of a token]. */
  const int32_t* block_table;  /**< [sequences, max_pages]. */
  const int32_t* row_sequence; /**< [m]. */
  const int32_t* visible;      /**< [m]: keys that the query sees, 0 to max_pages * 64. */
  void* out;                   /**< [m, heads, 512]. */
  float* lse;                  /**< [m, heads] or null, as in hd_sparse_mla. */
} hd_dense_mla_args;

/** Attention over the first visible tokens of a sequence. Source: FlashMLA's dense decode. */
HD_API int32_t hd_dense_mla(hd_stream* stream, const hd_dense_mla_args* args, void* workspace, uint64_t workspace_size);

/** Arguments of hd_masked_mha. */
typedef struct hd_masked_mha_args {
  uint32_t struct_size;     /**< sizeof(hd_masked_mha_args). */
  int32_t q_dtype;          /**< act, of q, kv, k_rope and out. */
  int32_t m;                /**< Queries of one sequence. */
  int32_t heads;            /**< Heads, at most 65536. */
  int32_t keys;             /**< Keys. */
  int32_t nope_dim;         /**< Width of q and k without rope, 1 to 1024; 128 in DeepSeek-V3. */
  int32_t v_dim;            /**< Width of v, 1 to 1024; 128 in DeepSeek-V3. */
  int32_t topk;             /**< Columns of positions, at most 2^20; 0 without a mask. */
  float softmax_scale;      /**< Multiplies q . k. */
  const void* q;            /**< [m, heads, nope_dim + 64]. */
  const void* kv;           /**< [keys, heads, nope_dim + v_dim]: kv_b of the latent. */
  const void* k_rope;       /**< [keys, 64] with k_rope_stride, shared by the heads. */
  int64_t k_rope_stride;    /**< Between keys of k_rope, at least 64. */
  const int32_t* visible;   /**< [m]: keys that the query sees, 0 to keys. */
  const int32_t* positions; /**< [m, topk]: of those the ones it may use, ascending, then -1; or null for all. */
  void* out;                /**< [m, heads, v_dim]. */
} hd_masked_mha_args;

/** Multi-head attention with keys and values expanded from the latent: the prefill form of DeepSeek's reference. */
HD_API int32_t hd_masked_mha(hd_stream* stream, const hd_masked_mha_args* args, void* workspace,
                             uint64_t workspace_size);

#ifdef __cplusplus
}
#endif

#endif
