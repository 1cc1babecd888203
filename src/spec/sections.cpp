#include "spec/sections.h"

namespace qrun::spec {
namespace {

constexpr std::uint64_t kMaxCount = 1 << 16;
const Names kSchedulers = {"slurm"};
const Names kKeep = {"last", "best", "all"};

Fields cluster_fields(ClusterSpec& cluster) {
  Field options;
  options.name = "options";
  options.about = "further options of the scheduler, one text each";
  options.nullable = true;
  options.read = [&cluster](const Value& value) {
    if (!value.node.is_list()) return value.fail_kind("a list of texts is wanted");
    for (std::size_t i = 0; i < value.node.items.size(); ++i) {
      if (auto option = read_text(value.item(i))) cluster.options.push_back(std::move(*option));
    }
  };
  options.write = [&cluster] {
    std::vector<Node> items;
    for (const std::string& option : cluster.options) items.push_back(text_node(option));
    return list_node(std::move(items));
  };
  options.schema = [] {
    return map_node({{"type", text_node("array")}, {"items", map_node({{"type", text_node("string")}})}});
  };
  return list_of(choice(
                     "scheduler", "who starts the jobs", kSchedulers, [] { return std::size_t{0}; },
                     [&cluster](std::size_t) { cluster.scheduler = "slurm"; }),
                 text_or_null("partition", "queue", cluster.partition),
                 text_or_null("time", "limit of a job, such as \"02:00:00\"", cluster.time),
                 integer("cpus", "processor cores a job", cluster.cpus, {1, kMaxCount}),
                 integer("gpus", "GPUs a job", cluster.gpus, {0, kMaxCount}),
                 text_or_null("memory", "memory of a job, such as 8G", cluster.memory),
                 integer_or_null("pack", "runs trained together; default: what fits", cluster.pack, {1, kMany}),
                 integer_or_null("max_parallel", "jobs at once; default: no limit", cluster.max_parallel, {1, kMany}),
                 std::move(options));
}

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

Field cluster_field(std::optional<ClusterSpec>& cluster) {
  Field field;
  field.name = "cluster";
  field.about = "how to submit the runs to a scheduler";
  field.nullable = true;
  field.read = [&cluster](const Value& value) { read_fields(value, cluster_fields(cluster.emplace())); };
  field.write = [&cluster] { return cluster ? write_fields(cluster_fields(*cluster)) : Node{}; };
  field.schema = [] {
    ClusterSpec defaults;
    return schema_of(cluster_fields(defaults));
  };
  return field;
}

}  // namespace qrun::spec
