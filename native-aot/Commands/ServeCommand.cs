using System.CommandLine;
using LowLatency.Core.Agents;
using LowLatency.Server.Cli;

namespace LowLatency.Server.Commands;

/// <summary><c>lowlatency serve</c>: a broker.</summary>
internal static class ServeCommand
{
    private const string Lesson =
        """
        Examples:
          lowlatency serve --data ./data
          lowlatency serve --data /var/lib/lowlatency --listen tcp://0.0.0.0:7400 --threading dedicated --idle spin
          lowlatency serve --data ./data --listen tcp://127.0.0.1:0     (the system chooses the port)

        On standard output it writes one line 'listening ADDRESS' for each address once clients are served. SIGTERM or
        SIGINT: it accepts nobody, carries out and flushes what was sent, and ends with exit code 0. Sizes are bytes, or
        have a unit: 64KiB, 16MiB, 2GiB.

        Clients that ask for it get batches compressed with LZ4, and segments of the journal that are not kept in memory are
        compressed on the disk, where the machine has that library (liblz4.so.1; or the one that the environment variable
        LOWLATENCY_LZ4 names). Without it a line says so, and everything else works; but segments that were compressed before
        can only be read with it.
        """;

    internal static Command Create(TeachingHelp help)
    {
        var data = new Setting<string>("--data", "./data", "-d")
        {
            Description = "Folder of the journal; made if its parent exists. One broker at a time. [default: ./data]",
            HelpName = "folder",
        };
        var listen = new Setting<string[]>("--listen", [Parsers.DefaultAddress], "-l")
        {
            Description = $"Address to listen on; may be given more than once. Port 0: the system chooses. [default: {Parsers.DefaultAddress}]",
            HelpName = "url",
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result => [.. result.Tokens.Select(token => Parsers.ParseTcp(result, token.Value, mayBeZero: true))],
        };
        Setting<ThreadingMode> threading = Parsers.Word(
            "--threading",
            "One thread for network and engine, or one each: shared is right for one or two processors. [default: shared]",
            ThreadingMode.Shared, ("shared", ThreadingMode.Shared), ("dedicated", ThreadingMode.Dedicated));
        Setting<IdleMode> idle = Parsers.Word(
            "--idle",
            "What a thread does with nothing to do: sleep soon (adaptive), or hold a processor for the lowest latency (spin, yield). [default: adaptive]",
            IdleMode.Adaptive, ("adaptive", IdleMode.Adaptive), ("spin", IdleMode.Spin), ("yield", IdleMode.Yield));
        var pin = new Option<int[]>("--pin")
        {
            Description = "Processors to hold the hot threads on, such as 0 or 0,1: one for the shared thread, or one each for network and engine. For --idle spin.",
            HelpName = "cpu[,cpu]",
            CustomParser = Parsers.ParseProcessors,
        };
        Setting<long> segmentSize = Parsers.Bytes("--segment-size", "Size of the segments of a new journal, a power of two.", 64 << 20, 1 << 20, 1 << 30, isPowerOfTwo: true);
        Setting<long> minFree = Parsers.Bytes("--min-free-disk", "Make no new segment when less than this would be left on the disk.", 64 << 20, 0, 1L << 50);
        Option<long?> diskHigh = Parsers.OptionalBytes(
            "--disk-high",
            "Hold publishers at levels process and disk back, by their confirms, while less than this is free on the disk; 0: never. [default: 2 GiB or 4 segments, at most a tenth of the disk]",
            0, 1L << 50);
        Setting<long> journalMemory = Parsers.Bytes(
            "--journal-memory",
            "How much of the journal is kept in memory: three quarters for its end, a quarter for older messages that are read again from the disk; at least 4 and 3 segments.",
            1L << 30, 0, 1L << 50);
        Setting<long> stopTimeout = Parsers.Number("--stop-timeout", "Longest time to drain and flush at the end.", 10, 1, 3600, "seconds");
        var noCompression = new Option<bool>("--no-compression") { Description = "Grant no compression to clients that ask for it, and compress no old segments of the journal." };
        var stats = new Option<bool>("--stats") { Description = "At the end write a line of figures: messages in and out, bytes allocated per message, bytes on the wire and before compression." };
        var stopWithInput = new Option<bool>("--stop-with-input") { Description = "Stop when standard input ends, too: for a parent process that must not leave a broker behind." };
        var limits = new LimitOptions();
        var command = new Command("serve", "Runs a broker.") { data, listen, threading, idle, pin, segmentSize, minFree, diskHigh, journalMemory, stopTimeout, noCompression, stats, stopWithInput };
        limits.AddTo(command);
        command.SetAction(parsed =>
        {
            using var run = new ServeRun(new ServeOptions
            {
                Data = data.Read(parsed),
                Listen = listen.Read(parsed),
                Threading = threading.Read(parsed),
                Idle = idle.Read(parsed),
                Processors = parsed.GetValue(pin) ?? [],
                SegmentSize = (int)segmentSize.Read(parsed),
                MinFreeDiskBytes = minFree.Read(parsed),
                DiskHighWatermark = parsed.GetValue(diskHigh),
                JournalMemoryBytes = journalMemory.Read(parsed),
                Limits = limits.Read(parsed),
                Compression = !parsed.GetValue(noCompression),
                Stats = parsed.GetValue(stats),
                StopWithInput = parsed.GetValue(stopWithInput),
                StopTimeout = TimeSpan.FromSeconds(stopTimeout.Read(parsed)),
            });
            return run.Run();
        });
        help.Teach(command, Lesson);
        return command;
    }
}
