//! Writes the seeds of a target into a folder, or without arguments the table of targets.

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(folder)) = (arguments.next(), arguments.next()) else {
        for target in fuzz::TARGETS {
            println!("{} {} {}", target.name, target.longest, target.allocation_mb);
        }
        return;
    };
    let target = fuzz::TARGETS.iter().find(|target| target.name == name);
    let seeds = target.expect("one of the targets").seeds();
    for (at, seed) in seeds.iter().enumerate() {
        std::fs::write(format!("{folder}/seed-{at}"), seed).expect("the folder can be written");
    }
}
