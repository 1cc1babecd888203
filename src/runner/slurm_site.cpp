#include "runner/slurm_site.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "config/yaml/names.h"
#include "core/error.h"
#include "runner/slurm.h"

namespace qrun {
namespace {

struct Output {
  int status = 0;
  std::string text;  // of stdout and stderr
};

Output run_command(const std::string& command) {
  Output output;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw EnvironmentError("cannot run " + command);
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) output.text += part.data();
  const int status = pclose(pipe);
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  while (output.text.ends_with('\n')) output.text.pop_back();
  return output;
}

/// The value of `Key=value` or `Key   = value` among words, lines or a list; "" where there is none. It may be a list.
std::string value_of(std::string_view text, std::string_view key) {
  constexpr std::string_view kBlank = " \t\n";
  for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    const std::size_t equals = text.find_first_not_of(' ', at + key.size());
    const bool is_word = at == 0 || text[at - 1] == ',' || kBlank.find(text[at - 1]) != kBlank.npos;
    if (!is_word || equals == text.npos || text[equals] != '=') continue;
    const std::size_t begin = text.find_first_not_of(' ', equals + 1);
    if (begin == text.npos) return "";
    return std::string(text.substr(begin, text.find_first_of(kBlank, begin) - begin));
  }
  return "";
}

/// The modes of the partitions that the job may run in, each once.
std::string preempt_modes(const std::string& partitions, const std::string& partition) {
  const std::vector<std::string> wanted = config::split(partition, ',');
  std::string modes;
  std::istringstream lines(partitions);
  for (std::string line; std::getline(lines, line);) {
    const bool is_wanted = partition.empty() ? value_of(line, "Default") == "YES"
                                             : std::ranges::count(wanted, value_of(line, "PartitionName")) > 0;
    const std::string mode = value_of(line, "PreemptMode");
    if (is_wanted && modes.find(mode) == modes.npos) modes += (modes.empty() ? "" : ",") + mode;
  }
  return modes;
}

}  // namespace

SlurmSite read_site(const std::string& config, const std::string& partitions, const std::string& partition) {
  const std::string array_size = value_of(config, "MaxArraySize");
  if (array_size.empty())
    throw EnvironmentError("scontrol show config: " + (config.empty() ? std::string("no answer") : config));
  SlurmSite site;
  site.max_array_size = std::atoll(array_size.c_str());
  site.max_batch_requeue = std::atoll(value_of(config, "max_batch_requeue").c_str());
  // Partitions have a mode also where nothing is ever preempted.
  if (value_of(config, "PreemptType") != "preempt/none") site.preempt_mode = preempt_modes(partitions, partition);
  return site;
}

SlurmSite ask_site(const std::string& partition) {
  const Output config = run_command("scontrol show config");
  if (config.status == 127)
    throw EnvironmentError("no sbatch and scontrol on PATH: this machine cannot submit to Slurm");
  if (config.status != 0) throw EnvironmentError("scontrol show config: " + config.text);
  return read_site(config.text, run_command("scontrol --oneliner show partition").text, partition);
}

std::vector<std::string> requeue_warnings(const SlurmSite& site) {
  std::vector<std::string> warnings;
  if (site.preempt_mode.find("CANCEL") != std::string::npos)
    warnings.emplace_back(
        "the site cancels jobs that it preempts (PreemptMode=CANCEL): such an element is not queued again; its runs "
        "have checkpoints, and a further `qrun submit` goes on");
  if (site.preempt_mode.find("SUSPEND") != std::string::npos)
    warnings.emplace_back(
        "the site suspends jobs that it preempts (PreemptMode=SUSPEND): after a minute other elements take over the "
        "runs of a suspended one");
  if (site.max_batch_requeue > 0)
    warnings.push_back(
        fmt::format("an element whose node is lost is queued again {} times at most (max_batch_requeue), then held: "
                    "`scontrol release JOB` lets it go on",
                    site.max_batch_requeue));
  return warnings;
}

bool may_requeue(const std::string& job) {
  return value_of(run_command("scontrol --oneliner show job " + shell_quoted(job)).text, "Requeue") != "0";
}

std::string explain_refusal(const std::string& said, std::int64_t elements) {
  // Slurm's texts and reasons: "job submit limit", QOSMaxSubmitJobPerUserLimit, AssocMaxSubmitJobLimit, ...
  const std::string text = config::lower_case(said);
  const bool is_limit = text.find("submit limit") != text.npos || text.find("maxsubmit") != text.npos ||
                        text.find("grpsubmit") != text.npos;
  const bool is_array = text.find("invalid job array") != text.npos;
  if (!is_limit && !is_array) return said;
  const std::string why = is_limit ? fmt::format("counts as {} jobs, and one more collects", elements)
                                   : std::string("is larger than the site allows");
  return fmt::format("{}\nan array of {} elements {}: give cluster.max_elements, which caps it", said, elements, why);
}

std::string sbatch(const std::vector<std::string>& arguments) {
  std::string command = "sbatch --parsable";
  for (const std::string& argument : arguments) command += " " + shell_quoted(argument);
  const Output output = run_command(command);
  if (output.status == 127) throw EnvironmentError("no sbatch on PATH: this machine cannot submit to Slurm");
  if (output.status != 0) throw EnvironmentError("sbatch: " + output.text);
  const std::string last = output.text.substr(output.text.rfind('\n') + 1);
  return last.substr(0, last.find(';'));  // `ID;cluster`
}

}  // namespace qrun
