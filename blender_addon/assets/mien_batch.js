// SPDX-License-Identifier: GPL-3.0-or-later
//
// A job type for Flamenco 3: the shots of a file, in parts, on the machines of a farm.
// Put this file into the folder "scripts" beside the Flamenco Manager and start the Manager again. docs/farm.md tells more.

const JOB_TYPE = {
    label: "Mien Batch",
    settings: [
        { key: "shots_file", type: "string", subtype: "file_path", required: true,
          description: "The JSON file of shots, where all workers see it" },
        { key: "parts", type: "int32", default: 8, propargs: { min: 1, max: 1000 },
          description: "Tasks that the shots are shared out to; two or three for each worker are good" },
        { key: "jobs", type: "int32", default: 0, propargs: { min: 0, max: 256 },
          description: "Processes at a time on each worker; 0 for one a core, at most 8" },
        { key: "timeout", type: "int32", default: 0, propargs: { min: 0, max: 86400 },
          description: "Seconds after which a shot is given up; 0 for never" },
        { key: "again", type: "bool", default: false,
          description: "Bake also the shots that are done" },
        { key: "state_folder", type: "string", subtype: "dir_path", required: false, default: "",
          description: "Where is kept which shots are done; empty for beside the shots" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    if (!settings.shots_file) {
        throw "Give the file of shots.";
    }
    const parts = Math.max(1, Math.floor(settings.parts || 1));
    for (let part = 1; part <= parts; part++) {
        const task = author.Task(`part ${part} of ${parts}`, "blender");
        // What comes after --command is Mien's. The Manager puts its variable in place of {blender}.
        task.addCommand(author.Command("exec", {
            exe: "{blender}",
            args: ["--background", "--command", "mien"].concat(wordsOf(settings, part, parts)),
        }));
        job.addTask(task);
    }
}

function wordsOf(settings, part, parts) {
    const words = ["batch", settings.shots_file, "--part", `${part}/${parts}`];
    if (settings.jobs > 0) {
        words.push("--jobs", `${Math.floor(settings.jobs)}`);
    }
    if (settings.timeout > 0) {
        words.push("--timeout", `${settings.timeout}`);
    }
    if (settings.state_folder) {
        words.push("--state", settings.state_folder);
    }
    if (settings.again) {
        words.push("--again");
    }
    return words;
}
