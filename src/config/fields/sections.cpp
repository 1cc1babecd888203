#include "config/fields/sections.h"

namespace qrun::config {
namespace {

const Names kKeep = {"last", "best", "all"};

}  // namespace

Fields train_fields(TrainSpec& train) {
  return list_of(
      required(integer("epochs", "how long to train", train.epochs, {1, kMany})),
      integer("iterations_per_epoch", "default: training items / batch size, rounded down, at least 1",
              train.iterations_per_epoch, {1, kMany}),
      integer("test_every", "iterations; default: at the end of each epoch", train.test_every, {1, kMany}),
      integer("log_every", "iterations; default: off", train.log_every, {1, kMany}),
      integer("checkpoint_every", "epochs", train.checkpoint_every, {1, kMany}),
      choice("keep", "which weights the run file gets", kKeep, train.keep),
      positioned(text_or_null("init_from", "a run's .h5 to start from", train.init_from), train.init_from_position));
}

Fields output_fields(OutputSpec& output) {
  return list_of(text("dir", "folder of the results", output.dir),
                 integer("activation_samples", "test images whose quantized layer outputs are stored",
                         output.activation_samples, {0, 1000000}));
}

}  // namespace qrun::config
