using System.CommandLine;
using System.Globalization;
using LowLatency.Bench.Workloads;
using LowLatency.Core.Engine;

namespace LowLatency.Bench.Cli;

/// <summary>Options that the workloads share, and how they become <see cref="RunOptions"/>.</summary>
internal sealed class WorkloadOptions
{
    internal string Workload { get; }

    internal WorkloadOptions(string workload)
    {
        Workload = workload;
        Size = new Option<int>("--size")
        {
            Description = "Bytes of a message body.",
            HelpName = "BYTES",
            DefaultValueFactory = _ => 128,
        };
        Seconds = new Option<double>("--seconds")
        {
            Description = "How long to measure, after the warm-up.",
            HelpName = "S",
            DefaultValueFactory = _ => workload switch { "floor" => 2, "server" => 10, _ => 5 },
        };
        Window = new Option<int>("--window")
        {
            Description = "Most messages published and not yet confirmed.",
            HelpName = "N",
            DefaultValueFactory = _ => workload == "confirm" ? 1 : 4096,
        };
        Durability = new Option<string>("--durability")
        {
            Description = "What a confirm waits for: memory (the engine has it), process (survives kill -9 of the broker), disk (survives power loss).",
            DefaultValueFactory = _ => workload == "confirm" ? "disk" : "process",
        };
        Client = new Option<string?>("--client")
        {
            Description = "polled: one thread publishes and polls. background: the connection has a thread of its own. "
                + (workload == "latency" ? "Default: polled with --idle spin, else background." : "Default: polled."),
        };
        DoorOption = new Option<string>("--door")
        {
            Description = workload == "throughput"
                ? "tcp: a server in a process of its own. inproc: a broker in this process. ring: no broker, one ring between two threads."
                : "tcp: a server in a process of its own. inproc: a broker in this process.",
            DefaultValueFactory = _ => "tcp",
        };
        Content.AcceptOnlyFromAmong("zeros", "quotes", "noise");
        Durability.AcceptOnlyFromAmong("memory", "process", "disk");
        Idle.AcceptOnlyFromAmong("spin", "adaptive");
        Client.AcceptOnlyFromAmong("polled", "background");
        DoorOption.AcceptOnlyFromAmong(workload == "throughput" ? ["tcp", "inproc", "ring"] : ["tcp", "inproc"]);
        AtLeast(Size, workload == "floor" ? 1 : MessageBody.MinLength);
        AtLeast(Window, 1);
        AtLeast(Credit, 1);
        AtLeast(Backlog, 1);
        AtLeast(Rate, 1);
        AtLeast(Runs, 1);
        AtMostADay(Seconds, allowsZero: false);
        AtMostADay(Warmup, allowsZero: true);
    }

    internal Option<string> DoorOption { get; }

    internal Option<string?> Connect { get; } = new("--connect")
    {
        Description = "Use a broker that runs already, at this address, instead of starting one.",
        HelpName = "URL",
    };

    internal Option<int> Rate { get; } = new("--rate")
    {
        Description = "Messages per second, at intended times that do not wait for the broker (open loop).",
        HelpName = "N",
        DefaultValueFactory = _ => 10_000,
    };

    internal Option<int> Size { get; }

    internal Option<double> Seconds { get; }

    internal Option<double> Warmup { get; } = new("--warmup")
    {
        Description = "Seconds to run before measuring.",
        HelpName = "S",
        DefaultValueFactory = _ => 2,
    };

    internal Option<string> Durability { get; }

    internal Option<string> Idle { get; } = new("--idle")
    {
        Description = "What threads do without work. spin: burn a core. adaptive: spin a little, then sleep in the kernel.",
        DefaultValueFactory = _ => "adaptive",
    };

    internal Option<string?> Client { get; }

    internal Option<int> Window { get; }

    internal Option<int> Backlog { get; } = new("--backlog")
    {
        Description = "throughput: most messages published and not yet received.",
        HelpName = "MESSAGES",
        DefaultValueFactory = _ => 8192,
    };

    internal Option<int> Credit { get; } = new("--credit")
    {
        Description = "Most messages delivered and not yet acknowledged.",
        HelpName = "N",
        DefaultValueFactory = _ => 8192,
    };

    internal Option<int> Runs { get; } = new("--runs")
    {
        Description = "Repeat so often and report medians and spread.",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    internal Option<string?> Data { get; } = new("--data")
    {
        Description = "Folder for the journal and for the file of the sync floor. Default: one in the temporary folder, removed afterwards.",
        HelpName = "DIR",
    };

    internal Option<string?> Server { get; } = new("--server")
    {
        Description = "The server's program. Default: artifacts/lowlatency where it is built (native AOT), else native-aot/bin/Release.",
        HelpName = "FILE",
    };

    internal Option<bool> Compress { get; } = new("--compress")
    {
        Description = "throughput over tcp: ask the server for compression in both directions.",
    };

    internal Option<string> Content { get; } = new("--content")
    {
        Description = "throughput: what bodies are made of. zeros, quotes (market data as text), noise (random bytes).",
        DefaultValueFactory = _ => "zeros",
    };

    internal Option<bool> Json { get; } = new("--json")
    {
        Description = "Print one JSON object as the last line.",
    };

    internal RunOptions Bind(ParseResult parsed, string dataFolder)
    {
        string? address = parsed.GetValue(Connect);
        bool spin = parsed.GetValue(Idle) == "spin";
        return new RunOptions
        {
            Workload = Workload,
            Address = address,
            Door = address is not null ? Door.Remote : parsed.GetValue(DoorOption) switch
            {
                "inproc" => Door.Inproc,
                "ring" => Door.Ring,
                _ => Door.Tcp,
            },
            Rate = parsed.GetValue(Rate),
            Size = parsed.GetValue(Size),
            Seconds = parsed.GetValue(Seconds),
            WarmupSeconds = parsed.GetValue(Warmup),
            Durability = parsed.GetValue(Durability) switch
            {
                "memory" => DurabilityLevel.Memory,
                "disk" => DurabilityLevel.Disk,
                _ => DurabilityLevel.Process,
            },
            Spin = spin,
            Polled = parsed.GetValue(Client) switch
            {
                "polled" => true,
                "background" => false,
                _ => spin || Workload != "latency",
            },
            Window = parsed.GetValue(Window),
            Credit = parsed.GetValue(Credit),
            Backlog = parsed.GetValue(Backlog),
            Compress = parsed.GetValue(Compress),
            Content = parsed.GetValue(Content) switch
            {
                "quotes" => BodyContent.Quotes,
                "noise" => BodyContent.Noise,
                _ => BodyContent.Zeros,
            },
            Runs = parsed.GetValue(Runs),
            DataFolder = dataFolder,
            ServerProgram = parsed.GetValue(Server),
            Json = parsed.GetValue(Json),
        };
    }

    // What is no number at all is refused elsewhere; looking at the value here would throw.
    internal static void AtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && int.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out int value) && value < least)
            result.AddError($"{option.Name} is {value}: it takes a number from {least} on");
    });

    private static void AtMostADay(Option<double> option, bool allowsZero) => option.Validators.Add(result =>
    {
        if (result.Tokens.Count > 0 && double.TryParse(result.Tokens[0].Value, CultureInfo.InvariantCulture, out double value)
            && !(value <= 86_400 && (value > 0 || (allowsZero && value == 0))))
        {
            result.AddError($"{option.Name} is {result.Tokens[0].Value}: it takes seconds {(allowsZero ? "from 0" : "above 0")} to 86400");
        }
    });
}
