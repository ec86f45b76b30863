/*===- consumer.c - A C program on the installed library ------------------===*/

#include <lathe.h>

#include <stdio.h>

static int report(const char *what) {
  fprintf(stderr, "%s: %s\n", what, lathe_message());
  return 1;
}

int main(int argc, char **argv) {
  lathe_model_t *model = NULL;
  if (argc != 2 || lathe_model_open(argv[1], NULL, &model) != LATHE_OK)
    return report("open");
  lathe_context_options_t options = LATHE_INIT(lathe_context_options_t);
  options.threads = 1;
  lathe_context_t *context = NULL;
  if (lathe_context_create(model, &options, &context) != LATHE_OK)
    return report("create");
  float x[4] = {1, 1, 1, 1};
  int64_t dims[2] = {1, 4};
  lathe_tensor_t y;
  if (lathe_context_set_input(context, 0, 0, x, dims, 2) != LATHE_OK ||
      lathe_context_call(context, 0) != LATHE_OK ||
      lathe_context_output(context, 0, 0, &y) != LATHE_OK)
    return report("call");
  printf("%s %g\n", lathe_version(), ((float *)y.data)[3]);
  lathe_context_free(context);
  lathe_model_free(model);
  return 0;
}
