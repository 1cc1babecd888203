#include <fmt/format.h>

#include "cli/command.h"
#include "cli/paths.h"
#include "cli/process.h"
#include "data/import.h"

namespace qrun {
namespace {

int report(const std::vector<Imported>& imported) {
  for (const Imported& set : imported) print(fmt::format("{}: {} items\n", set.path, set.items));
  return kAllComplete;
}

void add_options(CLI::App& command, Action& action) {
  struct Options {
    std::string from, to;
    std::int64_t train = 60000, test = 10000;
    std::uint64_t data_seed = 1;
  };
  auto options = std::make_shared<Options>();
  command.require_subcommand(1);
  command.footer("Example: qrun data mnist --from data/mnist --to data/mnist");
  CLI::App* mnist = command.add_subcommand("mnist", "from MNIST's idx files, plain or .gz");
  as_path(mnist->add_option("--from", options->from, "folder of the four idx files"))->required();
  as_path(mnist->add_option("--to", options->to, "folder for train_lmdb and test_lmdb"))->required();
  mnist->footer("Example: qrun data mnist --from data/mnist --to data/mnist");
  mnist->callback(
      [options, &action] { action = [options] { return report(import_mnist(options->from, options->to)); }; });
  CLI::App* digits = command.add_subcommand("synthetic-digits", "of drawn digits, 28 x 28");
  as_path(digits->add_option("--to", options->to, "folder for train_lmdb and test_lmdb"))->required();
  digits->add_option("--train", options->train, "training items")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000000));
  digits->add_option("--test", options->test, "test items")->capture_default_str()->check(CLI::Range(1, 10000000));
  digits->add_option("--data-seed", options->data_seed, "another seed draws other digits")->capture_default_str();
  digits->footer("Example: qrun data synthetic-digits --to data/digits");
  digits->callback([options, &action] {
    action = [options] {
      return report(import_synthetic_digits(options->to, options->train, options->test, options->data_seed));
    };
  });
}

}  // namespace

Command data_command() {
  return {.name = "data", .about = "make LMDB databases", .order = 3, .add_options = add_options};
}

}  // namespace qrun
