//===- lathe.h - The C interface of the Lathe runtime ---------------------===//
//
// Loads a model.lathe file and runs it. In the order of use:
//
//     lathe_model_t      a file, mapped and checked once; shared by contexts
//     lathe_context_t    states (key-value cache), arena and threads; runs
//                        entries
//     lathe_generator_t  text from a decoder's `step` entries, several
//                        sequences
//
// Every function that can fail returns a lathe_status_t; lathe_message() has
// the reason. Nothing here aborts, prints, exits or throws. A null pointer
// where an object is wanted gives LATHE_INVALID_ARGUMENT; the `_free` functions
// take null. Any function that returns a lathe_status_t can also fail with
// LATHE_RESOURCE_EXHAUSTED and the message "out of memory": it has then changed
// nothing, and the same call may be made again. A host's own functions (pools,
// observers) must not throw.
//
// Threads: a model may be used by any number of threads at once. A context, a
// generator and a stream belong to one thread at a time; only
// lathe_context_cancel may be called from another one meanwhile.
//
// Structs that may grow begin with `struct_size`: set it to sizeof the struct
// (LATHE_INIT does) and leave what you do not know zero, which means the
// default.
//
// Loading an artifact is running a program: its machine code is not sandboxed.
//
//===----------------------------------------------------------------------===//
#ifndef LATHE_H
#define LATHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LATHE_API __attribute__((visibility("default")))
#else
#define LATHE_API
#endif

/// Initialiser of the structs that begin with struct_size:
/// `lathe_model_options_t options = LATHE_INIT(lathe_model_options_t);`
#ifdef __cplusplus
#define LATHE_INIT(type) lathe_init_<type>()
#else
#define LATHE_INIT(type) {.struct_size = sizeof(type)}
#endif

//===----------------------------------------------------------------------===//
// Status
//===----------------------------------------------------------------------===//

/// The values never change.
typedef enum lathe_status_t {
  LATHE_OK = 0,
  /// The bytes of a file break its format or contradict each other.
  LATHE_INVALID_FILE = 1,
  /// A name, file or entry does not exist.
  LATHE_NOT_FOUND = 2,
  /// A kernel or device failed while it ran.
  LATHE_DEVICE_ERROR = 3,
  /// Well-formed, but not something that this build or machine can do.
  LATHE_UNSUPPORTED = 4,
  /// The caller's arguments are wrong, or do not fit what was compiled.
  LATHE_INVALID_ARGUMENT = 5,
  /// Memory, disk or device space ran out.
  LATHE_RESOURCE_EXHAUSTED = 6,
  /// lathe_context_cancel was called.
  LATHE_CANCELLED = 7,
  /// Reading or writing failed.
  LATHE_IO_ERROR = 8,
  LATHE_STATUS_FORCE_INT = 0x7FFFFFFF ///< Not a code: any int may be passed.
} lathe_status_t;

/// The version of the library, "major.minor.patch"; static.
LATHE_API const char *lathe_version(void);

/// The targets that this machine runs, by the names of an artifact, the best
/// one (index 0) first: "x86-64-v4-amx"; static. Null past the end.
LATHE_API const char *lathe_machine_target(size_t index);

/// The name of a code, as "invalid_file"; static.
LATHE_API const char *lathe_status_name(lathe_status_t status);

/// Why the last function that failed on this thread failed: one line without a
/// full stop, as `FILE: FIELD: what is wrong (what to do)`. Empty before the
/// first failure; valid until the next failure on this thread.
LATHE_API const char *lathe_message(void);

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// Element types; the values are those of the artifact's schema.
typedef enum lathe_dtype_t {
  LATHE_F32 = 0,
  LATHE_F16 = 1,
  LATHE_BF16 = 2,
  LATHE_F64 = 3,
  LATHE_I8 = 4,
  LATHE_U8 = 5,
  LATHE_I32 = 6,
  LATHE_I64 = 7,
  LATHE_DTYPE_FORCE_INT = 0x7FFFFFFF ///< Not a dtype: any int may be passed.
} lathe_dtype_t;

/// Most dimensions of a tensor.
#define LATHE_MAX_RANK 8

/// The size of an element in bytes; 0 for a value that is no dtype.
LATHE_API size_t lathe_dtype_size(lathe_dtype_t dtype);
/// The name of a dtype, as "f32"; static; "?" for a value that is no dtype.
LATHE_API const char *lathe_dtype_name(lathe_dtype_t dtype);

/// A tensor in memory, row-major and contiguous.
typedef struct lathe_tensor_t {
  const char *name; ///< Owned by the model.
  lathe_dtype_t dtype;
  uint32_t rank;
  int64_t dims[LATHE_MAX_RANK]; ///< Elements, outermost first.
  void *data;                   ///< 64-byte aligned.
  size_t bytes;                 ///< Of the elements.
} lathe_tensor_t;

/// What an input or output of an entry looks like, before any call.
typedef struct lathe_tensor_info_t {
  const char *name; ///< Owned by the model.
  lathe_dtype_t dtype;
  uint32_t rank;
  /// The size of a dimension, or -1 where it depends on symbols.
  int64_t dims[LATHE_MAX_RANK];
  /// The symbol that the dimension is, or -1: a constant or an expression.
  int32_t symbols[LATHE_MAX_RANK];
  /// The largest size of the dimension that any call can have.
  int64_t maximum[LATHE_MAX_RANK];
  /// Integer inputs: each element is below it. -1: no limit, or one that
  /// depends on `limit_symbol`.
  int64_t limit;
  /// The symbol that is the limit, or -1.
  int32_t limit_symbol;
} lathe_tensor_info_t;

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

typedef struct lathe_model_t lathe_model_t;

/// A host's own thread pool: calls `task(task_data, w)` once for each w in
/// [0, workers), in any order and on any threads, also one after the other, and
/// returns when all of them have returned.
typedef void (*lathe_parallel_t)(void *user,
                                 void (*task)(void *task_data, uint32_t worker),
                                 void *task_data, uint32_t workers);

typedef struct lathe_model_options_t {
  size_t struct_size;
  /// 1: do not hash the weights (the rest is always hashed and checked).
  int skip_weight_check;
  /// Threads that hash the file; 0: the physical cores.
  uint32_t threads;
  /// Name of the target to run, as "x86-64-v3"; null: the environment's
  /// LATHE_CPU, else the best one that this machine has.
  const char *target;
  /// Runs the hashing in the host's pool instead of own threads.
  lathe_parallel_t parallel;
  void *parallel_user;
  /// Name of the device to run on; null: "cpu".
  const char *device;
  /// 1: only to look inside, also into an artifact of other machines. All is
  /// checked but the machine code, which is not loaded: nothing of the file
  /// becomes executable, and no context can be made of the model.
  int inspect_only;
} lathe_model_options_t;

/// Opens the artifact at \p path, maps it read-only and checks all of it.
/// \param options may be null.
/// Fails with NOT_FOUND, IO_ERROR, INVALID_FILE, UNSUPPORTED (no code for this
/// machine; the message says what the file was built for and what is here),
/// RESOURCE_EXHAUSTED.
LATHE_API lathe_status_t lathe_model_open(const char *path,
                                          const lathe_model_options_t *options,
                                          lathe_model_t **model);

/// As lathe_model_open, from an open file. \p fd is not closed and may be
/// closed by the caller afterwards. \p name is for messages.
LATHE_API lathe_status_t lathe_model_open_fd(
    int fd, const char *name, const lathe_model_options_t *options,
    lathe_model_t **model);

/// As lathe_model_open, from the bytes of an artifact. They are not copied and
/// must not change or go away while the model or a context of it lives.
/// \param data 64-byte aligned.
LATHE_API lathe_status_t lathe_model_open_memory(
    const void *data, size_t bytes, const char *name,
    const lathe_model_options_t *options, lathe_model_t **model);

/// Lets go of the model. Its contexts keep what they need of it.
LATHE_API void lathe_model_free(lathe_model_t *model);

/// Everything here belongs to the model and lives as long as it.
typedef struct lathe_model_info_t {
  size_t struct_size;
  const char *family;
  int64_t context;    ///< Most positions of one sequence.
  int64_t vocabulary; ///< 0 where there is none.
  const int64_t *bos_ids;
  size_t bos_count;
  const int64_t *eos_ids;
  size_t eos_count;
  int64_t pad_id;       ///< -1: none.
  int64_t embed_tokens; ///< Longest input of `embed`, in tokens.
  /// JSON text of generation_config.json; empty where there is none.
  const char *generation_config;
  int64_t page_positions; ///< Positions of a cache page; 0: no cache.
  uint64_t file_bytes;
  uint64_t weight_bytes; ///< Sum over the weights.
  uint64_t weight_count;
  /// The target that runs here; empty with inspect_only where none would.
  const char *target;
  const char *producer;
  const char *source;
  const char *options;
  size_t entry_count;
  size_t symbol_count;
  size_t state_count;
  size_t target_count;
  size_t kernel_count;
  int has_tokenizer;
  /// Text of the chat template "default", a program in Jinja that nothing here
  /// interprets; empty where there is none.
  const char *chat_template;
  size_t chat_template_count; ///< With those of other names.
} lathe_model_info_t;

LATHE_API lathe_status_t lathe_model_info(const lathe_model_t *model,
                                          lathe_model_info_t *info);

/// A chat template: UTF-8, owned by the model.
typedef struct lathe_chat_template_t {
  const char *name; ///< "default" where the model has one alone.
  const char *text;
  size_t text_bytes; ///< Without the final 0.
} lathe_chat_template_t;

/// Chat template \p index, below chat_template_count. Fails with
/// INVALID_ARGUMENT.
LATHE_API lathe_status_t
lathe_model_chat_template(const lathe_model_t *model, size_t index,
                          lathe_chat_template_t *chat_template);

/// The name of target \p index, null past the end.
LATHE_API const char *lathe_model_target(const lathe_model_t *model,
                                         size_t index);
/// The name of kernel \p index, null past the end.
LATHE_API const char *lathe_model_kernel(const lathe_model_t *model,
                                         size_t index);

typedef struct lathe_symbol_info_t {
  const char *name;
  int64_t minimum;
  int64_t maximum;
  int fixed_at_load; ///< 1: chosen when a context is made.
} lathe_symbol_info_t;

LATHE_API lathe_status_t lathe_model_symbol(const lathe_model_t *model,
                                            size_t index,
                                            lathe_symbol_info_t *info);

typedef struct lathe_entry_info_t {
  const char *name;
  size_t input_count;
  size_t output_count;
  size_t command_count;
  size_t plan_count;
} lathe_entry_info_t;

LATHE_API lathe_status_t lathe_model_entry(const lathe_model_t *model,
                                           size_t index,
                                           lathe_entry_info_t *info);
/// The index of the entry of that name. Fails with NOT_FOUND, and the message
/// lists the entries that there are.
LATHE_API lathe_status_t lathe_model_find_entry(const lathe_model_t *model,
                                                const char *name,
                                                size_t *index);
LATHE_API lathe_status_t lathe_model_input(const lathe_model_t *model,
                                           size_t entry, size_t index,
                                           lathe_tensor_info_t *info);
LATHE_API lathe_status_t lathe_model_output(const lathe_model_t *model,
                                            size_t entry, size_t index,
                                            lathe_tensor_info_t *info);

typedef struct lathe_plan_info_t {
  /// Largest value of each symbol, lathe_model_info_t.symbol_count of them.
  const int64_t *bounds;
  uint64_t arena_bytes;
  uint64_t live_bytes; ///< Largest sum of buffers that live at one time.
} lathe_plan_info_t;

LATHE_API lathe_status_t lathe_model_plan(const lathe_model_t *model,
                                          size_t entry, size_t index,
                                          lathe_plan_info_t *info);

/// One weight of the file, read-only, in its packed layout; `bytes` is the
/// packed size and may exceed what `dims` need. \p index is below weight_count.
LATHE_API lathe_status_t lathe_model_weight(const lathe_model_t *model,
                                            size_t index,
                                            lathe_tensor_t *tensor);

/// Where the memory of an operand is; the values are those of the artifact's
/// schema.
typedef enum lathe_memory_t {
  LATHE_TEMPORARY = 0, ///< In the arena: dead outside one call.
  LATHE_INPUT = 1,
  LATHE_OUTPUT = 2,
  LATHE_WEIGHT = 3,
  LATHE_STATE = 4,
  LATHE_MEMORY_FORCE_INT = 0x7FFFFFFF ///< Not a place: any int may be passed.
} lathe_memory_t;

/// What one run of a command moves of one operand, each byte counted once.
typedef struct lathe_traffic_t {
  const char *name; ///< Of the buffer, one in its entry; owned by the model.
  lathe_memory_t memory;
  uint64_t bytes_read;
  uint64_t bytes_written;
} lathe_traffic_t;

/// The call that a command is asked about.
typedef struct lathe_call_shape_t {
  size_t struct_size;
  /// The value of each symbol, lathe_model_info_t.symbol_count of them. -1: as
  /// in a context with default options where the symbol is fixed at load, else
  /// the least. Null: all -1.
  const int64_t *symbols;
  /// All tokens are taken for those of one sequence. Positions of it that the
  /// cache holds before the call.
  uint64_t past;
} lathe_call_shape_t;

/// What the multiply-adds of a kernel take. A machine does more of the later
/// ones in the same time, where its level has instructions for them.
typedef enum lathe_arithmetic_t {
  LATHE_ARITHMETIC_F32 = 0,  ///< Also of what is widened or decoded to f32.
  LATHE_ARITHMETIC_BF16 = 1, ///< Pairs of bf16.
  LATHE_ARITHMETIC_BYTES = 2,
  LATHE_ARITHMETIC_FORCE_INT = 0x7FFFFFFF ///< None: any int may be passed.
} lathe_arithmetic_t;

typedef struct lathe_command_info_t {
  size_t struct_size;
  const char *name;   ///< Of the value that it computes, copies to or fills.
  const char *kernel; ///< The variant that runs; null: a copy or fill.
  /// 1: nothing runs in such a call, since what reads the result computes it;
  /// the numbers are 0.
  int is_skipped;
  /// 0: the file says nothing of the kernel's work; the numbers are then 0.
  int has_cost;
  /// Floating-point operations, by the rules of docs/artifact.md.
  uint64_t flops;
  uint64_t bytes_read;    ///< Sum over the operands.
  uint64_t bytes_written; ///< Sum over the operands.
  size_t operand_count;
  /// Of the multiply-adds of linear layers and attention among `flops`.
  lathe_arithmetic_t arithmetic;
} lathe_command_info_t;

/// Says what command \p command of \p entry does in a call of \p shape, which
/// may be null: what the compiler counted, not what was measured. Writes at
/// most \p capacity elements to \p traffic, one for each operand in order.
/// Fails with INVALID_ARGUMENT (an index past the end; a symbol out of its
/// range, with both numbers).
LATHE_API lathe_status_t lathe_model_command(const lathe_model_t *model,
                                             size_t entry, size_t command,
                                             const lathe_call_shape_t *shape,
                                             lathe_command_info_t *info,
                                             lathe_traffic_t *traffic,
                                             size_t capacity);

//===----------------------------------------------------------------------===//
// Tokenizer
//===----------------------------------------------------------------------===//

/// Flags of lathe_tokenizer_encode.
#define LATHE_ADD_SPECIAL 1u      /* what the post-processor adds (BOS, CLS) */
#define LATHE_NO_PARSE_SPECIAL 2u /* special tokens in the text are text */
/// Flag of lathe_tokenizer_decode and lathe_stream_create.
#define LATHE_SKIP_SPECIAL 4u

/// Token ids of \p text (UTF-8; what is not is handled as the tokenizer says).
/// Writes at most \p capacity ids and sets \p count to how many there are, so a
/// call with capacity 0 asks for the number. Fails with NOT_FOUND (the model
/// has no tokenizer).
LATHE_API lathe_status_t lathe_tokenizer_encode(const lathe_model_t *model,
                                                const char *text, size_t bytes,
                                                uint32_t flags, int32_t *ids,
                                                size_t capacity, size_t *count);

/// The text of \p ids. Writes at most \p capacity bytes, without a final 0, and
/// sets \p bytes to how many there are. Fails with NOT_FOUND and
/// INVALID_ARGUMENT (an id outside the vocabulary).
LATHE_API lathe_status_t lathe_tokenizer_decode(const lathe_model_t *model,
                                                const int32_t *ids,
                                                size_t count, uint32_t flags,
                                                char *text, size_t capacity,
                                                size_t *bytes);

/// Number of ids of the tokenizer; 0 without one.
LATHE_API size_t lathe_tokenizer_size(const lathe_model_t *model);

/// Turns ids into text one by one, whole UTF-8 characters at a time.
typedef struct lathe_stream_t lathe_stream_t;

/// The stream keeps what it needs of the model.
LATHE_API lathe_status_t lathe_stream_create(const lathe_model_t *model,
                                             uint32_t flags,
                                             lathe_stream_t **stream);
/// The text that \p id completes, perhaps empty; valid until the next call.
LATHE_API lathe_status_t lathe_stream_push(lathe_stream_t *stream, int32_t id,
                                           const char **text, size_t *bytes);
/// What is left at the end: incomplete characters as U+FFFD.
LATHE_API lathe_status_t lathe_stream_finish(lathe_stream_t *stream,
                                             const char **text, size_t *bytes);
LATHE_API void lathe_stream_free(lathe_stream_t *stream);

//===----------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------===//

typedef struct lathe_context_t lathe_context_t;

typedef struct lathe_context_options_t {
  size_t struct_size;
  /// Workers, the caller among them; 0: the physical cores.
  uint32_t threads;
  /// Sequences that the cache holds at one time; 0: 1.
  int64_t slots;
  /// Positions of each sequence; 0: the model's context.
  int64_t context;
  /// Values of symbols that are fixed at load, by name; they go before `slots`
  /// and `context`. A symbol that nothing sets has its minimum.
  const char *const *symbol_names;
  const int64_t *symbol_values;
  size_t symbol_count;
  /// Runs launches in the host's pool instead of own threads.
  lathe_parallel_t parallel;
  void *parallel_user;
} lathe_context_options_t;

/// Makes states (zero at first), buffers, arena and threads. Nothing is
/// allocated in later calls of entries. \p options may be null.
/// Fails with INVALID_ARGUMENT (a value outside its symbol's range, with both
/// numbers; a model that was opened with inspect_only) and RESOURCE_EXHAUSTED.
LATHE_API lathe_status_t lathe_context_create(
    const lathe_model_t *model, const lathe_context_options_t *options,
    lathe_context_t **context);
LATHE_API void lathe_context_free(lathe_context_t *context);

/// Number of workers, the caller among them.
LATHE_API uint32_t lathe_context_threads(const lathe_context_t *context);
/// The value of a symbol: fixed at load, or of the last call (-1: not set).
LATHE_API int64_t lathe_context_symbol(const lathe_context_t *context,
                                       size_t symbol);

/// Gives the next call of \p entry an input: copies \p data, of the element
/// type and rank that lathe_model_input says, and takes the symbols' values
/// from
/// \p dims. Symbols that set no dimension of an input are set by
/// lathe_context_set_symbol. Inputs stay from call to call.
/// Fails with INVALID_ARGUMENT (both numbers in the message).
LATHE_API lathe_status_t lathe_context_set_input(lathe_context_t *context,
                                                 size_t entry, size_t input,
                                                 const void *data,
                                                 const int64_t *dims,
                                                 size_t rank);
/// As lathe_context_set_input without the copy: \p tensor gets the place to
/// write the elements to before the call.
LATHE_API lathe_status_t lathe_context_map_input(lathe_context_t *context,
                                                 size_t entry, size_t input,
                                                 const int64_t *dims,
                                                 size_t rank,
                                                 lathe_tensor_t *tensor);
/// Sets a symbol that no input's dimension gives, for later calls of all
/// entries. Fails with INVALID_ARGUMENT (outside its range, fixed at load).
LATHE_API lathe_status_t lathe_context_set_symbol(lathe_context_t *context,
                                                  size_t symbol, int64_t value);

/// Runs an entry on the inputs that were set, and waits for its end. Checks
/// symbols against their ranges and integer inputs against their limits first;
/// allocates nothing. Fails with INVALID_ARGUMENT (which input, both numbers),
/// DEVICE_ERROR, CANCELLED. After the latter two, states are undefined.
LATHE_API lathe_status_t lathe_context_call(lathe_context_t *context,
                                            size_t entry);

/// An output of the last call of \p entry; valid until its next call.
LATHE_API lathe_status_t lathe_context_output(lathe_context_t *context,
                                              size_t entry, size_t output,
                                              lathe_tensor_t *tensor);

/// Ends the call that runs, or the next one, with CANCELLED. From any thread or
/// signal handler.
LATHE_API void lathe_context_cancel(lathe_context_t *context);

/// Bytes of the arena that calls have used so far at most.
LATHE_API uint64_t lathe_context_arena_bytes(const lathe_context_t *context);

/// A state's memory; may be read and written between calls.
LATHE_API lathe_status_t lathe_context_state(lathe_context_t *context,
                                             size_t index,
                                             lathe_tensor_t *tensor);
/// Sets all states to zero, as they were at first.
LATHE_API lathe_status_t lathe_context_reset(lathe_context_t *context);
/// Size of what lathe_context_save writes, in bytes.
LATHE_API size_t lathe_context_saved_bytes(const lathe_context_t *context);
/// Writes all states with a checksum. \p bytes is lathe_context_saved_bytes.
LATHE_API lathe_status_t lathe_context_save(const lathe_context_t *context,
                                            void *data, size_t bytes);
/// Restores what lathe_context_save wrote, from a context of the same artifact
/// with the same symbols. On failure (INVALID_FILE, INVALID_ARGUMENT) the
/// states are as before.
LATHE_API lathe_status_t lathe_context_load(lathe_context_t *context,
                                            const void *data, size_t bytes);

/// When a worker worked on a launch, in nanoseconds after that began, from its
/// first tile to its last.
typedef struct lathe_worker_t {
  uint64_t begin;
  uint64_t end;
  int64_t tiles; ///< 0: it had none, and `begin` and `end` are 0.
} lathe_worker_t;

/// What an observer sees of a launch.
typedef struct lathe_launch_t {
  size_t struct_size;
  int finished;       ///< 0: about to run; 1: it ran.
  size_t entry;       ///< Index of the entry.
  size_t command;     ///< Index of the command in it.
  const char *name;   ///< Of the value that it computes.
  const char *kernel; ///< The variant that was taken.
  int64_t tiles;
  uint64_t nanoseconds; ///< Wall time, once finished.
  /// In the kernel's parameter order; may be read, and written before it runs.
  const lathe_tensor_t *operands;
  size_t operand_count;
  /// As in lathe_command_info_t, of this launch: attention is counted from the
  /// operands. Once finished; 0 before.
  int has_cost;
  uint64_t flops;
  uint64_t bytes_read;
  uint64_t bytes_written;
  /// Of each worker, once finished, where lathe_context_time_workers asked.
  const lathe_worker_t *workers;
  size_t worker_count;
  lathe_arithmetic_t arithmetic; ///< As in lathe_command_info_t.
} lathe_launch_t;

/// Called on the calling thread before and after each launch.
typedef void (*lathe_observer_t)(void *user, const lathe_launch_t *launch);

/// Sets or, with null, removes the observer of a context.
LATHE_API lathe_status_t lathe_context_observe(lathe_context_t *context,
                                               lathe_observer_t observer,
                                               void *user);

/// 1: later launches tell their observer when each worker worked, at the price
/// of a look or two at the clock for each range of tiles. 0: they do not.
LATHE_API lathe_status_t lathe_context_time_workers(lathe_context_t *context,
                                                    int enabled);

//===----------------------------------------------------------------------===//
// Generation
//===----------------------------------------------------------------------===//

/// How the next id is chosen from the logits. All zero: the largest logit, the
/// lowest id among equals. In this order: repetition penalty, temperature,
/// top-k, top-p, min-p, draw. See runtime/Sampler.h.
typedef struct lathe_sampling_t {
  size_t struct_size;
  float temperature; ///< 0: greedy.
  int32_t top_k;     ///< Keep the k most likely; 0: all.
  float top_p;       ///< Keep the fewest whose sum reaches it; 0 or 1: all.
  float min_p;       ///< Drop what is below it times the largest; 0: none.
  float repetition_penalty; ///< On ids of prompt and text; 0 or 1: none.
  uint64_t seed;            ///< The same seed gives the same ids.
} lathe_sampling_t;

typedef struct lathe_request_t {
  size_t struct_size;
  const int32_t *prompt; ///< At least one id.
  size_t prompt_count;
  /// Most ids to write. 0: what the context holds.
  int64_t max_tokens;
  lathe_sampling_t sampling; ///< Its struct_size may be 0: greedy.
  /// Ends the text before the first of these strings (UTF-8).
  const char *const *stop_strings;
  size_t stop_string_count;
  /// Ids that end the text, besides the model's eos_ids.
  const int32_t *stop_ids;
  size_t stop_id_count;
  int ignore_eos;   ///< 1: the model's eos_ids do not end the text.
  int keep_special; ///< 1: special tokens appear in the text.
} lathe_request_t;

typedef enum lathe_finish_t {
  LATHE_RUNNING = 0,
  LATHE_STOP_ID = 1,     ///< An end id, which is not part of the text.
  LATHE_STOP_STRING = 2, ///< A stop string, which is not part of the text.
  LATHE_LENGTH = 3       ///< max_tokens, or the context is full.
} lathe_finish_t;

/// A new id of one sequence.
typedef struct lathe_token_t {
  int64_t sequence; ///< As lathe_generator_add gave it.
  int32_t id;
  lathe_finish_t finish; ///< Not RUNNING: the sequence is over.
  /// Text that became complete, perhaps empty, not ended by 0; valid until the
  /// next step. Always empty for a model without a tokenizer.
  const char *text;
  size_t text_bytes;
} lathe_token_t;

typedef struct lathe_generator_t lathe_generator_t;

/// A generator over the `step` and `step_greedy` entries of the context's
/// model. While it lives, the context must live and not be used otherwise; its
/// cache is taken as empty. Fails with UNSUPPORTED (the model cannot generate).
LATHE_API lathe_status_t lathe_generator_create(lathe_context_t *context,
                                                lathe_generator_t **generator);
LATHE_API void lathe_generator_free(lathe_generator_t *generator);

/// Takes in a sequence; \p sequence gets its number, counted from 0. The places
/// in the cache for prompt and text are kept for it from here on.
/// Fails with INVALID_ARGUMENT (prompt and text do not fit the context, with
/// both numbers; an id outside the vocabulary; an empty prompt) and
/// RESOURCE_EXHAUSTED (no slot or no pages are free now: step, and try again).
LATHE_API lathe_status_t lathe_generator_add(lathe_generator_t *generator,
                                             const lathe_request_t *request,
                                             int64_t *sequence);

/// Takes a sequence out before its end. Fails with NOT_FOUND.
LATHE_API lathe_status_t lathe_generator_remove(lathe_generator_t *generator,
                                                int64_t sequence);

/// Number of sequences that are not over.
LATHE_API size_t lathe_generator_active(const lathe_generator_t *generator);

/// One call of the program: a token of each sequence that writes, and as much
/// of the prompts as fits beside. \p tokens and \p count get what came of it,
/// at most one token a sequence, perhaps none; valid until the next step.
/// A sequence that is over gives its slot back. Fails as lathe_context_call.
/// After "out of memory" the next step goes on where this one ended.
LATHE_API lathe_status_t lathe_generator_step(lathe_generator_t *generator,
                                              const lathe_token_t **tokens,
                                              size_t *count);

typedef struct lathe_generator_stats_t {
  size_t struct_size;
  uint64_t prompt_tokens;
  uint64_t new_tokens;
  uint64_t steps;
  /// Wall time in calls that held prompt tokens, and in those that held none.
  uint64_t prompt_nanoseconds;
  uint64_t decode_nanoseconds;
  /// Tokens of the latter.
  uint64_t decode_tokens;
} lathe_generator_stats_t;

LATHE_API lathe_status_t lathe_generator_stats(
    const lathe_generator_t *generator, lathe_generator_stats_t *stats);

#ifdef __cplusplus
} // extern "C"

template <typename T>
inline T lathe_init_() {
  T value = {};
  value.struct_size = sizeof(T);
  return value;
}
#endif

#endif // LATHE_H
