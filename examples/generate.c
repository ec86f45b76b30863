/* Writes a text with a decoder, through the C interface.
 *
 *     generate model.lathe "Once upon a time" 40
 *
 * Build: cc generate.c $(pkg-config --cflags --libs lathe) -o generate
 */
#include "lathe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with the library's own message if a call failed. */
static void check(lathe_status_t status) {
  if (status != LATHE_OK) {
    fprintf(stderr, "error: %s\n", lathe_message());
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: generate MODEL PROMPT TOKENS\n");
    return 2;
  }

  /* The file is mapped and checked once; contexts share it. */
  lathe_model_t *model = NULL;
  check(lathe_model_open(argv[1], NULL, &model));
  lathe_context_t *context = NULL;
  check(lathe_context_create(model, NULL, &context));

  size_t count = 0;
  const char *prompt = argv[2];
  check(lathe_tokenizer_encode(model, prompt, strlen(prompt), LATHE_ADD_SPECIAL,
                               NULL, 0, &count));
  int32_t *ids = malloc(count * sizeof(*ids));
  if (!ids)
    return 1;
  check(lathe_tokenizer_encode(model, prompt, strlen(prompt), LATHE_ADD_SPECIAL,
                               ids, count, &count));

  lathe_generator_t *generator = NULL;
  check(lathe_generator_create(context, &generator));
  lathe_request_t request = LATHE_INIT(lathe_request_t);
  request.prompt = ids;
  request.prompt_count = count;
  request.max_tokens = atoll(argv[3]);
  int64_t sequence = 0;
  check(lathe_generator_add(generator, &request, &sequence));

  while (lathe_generator_active(generator) > 0) {
    const lathe_token_t *tokens = NULL;
    size_t written = 0;
    check(lathe_generator_step(generator, &tokens, &written));
    for (size_t i = 0; i < written; ++i)
      fwrite(tokens[i].text, 1, tokens[i].text_bytes, stdout);
  }
  putchar('\n');

  free(ids);
  lathe_generator_free(generator);
  lathe_context_free(context);
  lathe_model_free(model);
  return 0;
}
