using System.Diagnostics;
using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Demo;
using LowLatency.Server.Torture;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Journals;
using Xunit;

namespace LowLatency.Tests.Faults;

/// <summary>The first half of a power cut: a broker that lives, dies by SIGKILL and lives again on a disk whose writes are logged.</summary>
internal sealed class PowerCutRecording : IDisposable
{
    private static readonly DurabilityLevel[] Levels = [DurabilityLevel.Disk, DurabilityLevel.Disk, DurabilityLevel.Process];

    private readonly string _mountPoint;
    private readonly FuseDisk _disk;

    internal PowerCutRecording(TemporaryFolder folder, long length)
    {
        Directory.CreateDirectory(folder.File("fuse"));
        _mountPoint = folder.File("recorded");
        Directory.CreateDirectory(_mountPoint);
        _disk = new FuseDisk(folder.File("fuse"), length);
    }

    internal BlockLog Log => _disk.Log;

    /// <summary>Records in the journal at the end that took the place of older ones.</summary>
    internal long MovedRecords { get; private set; }

    /// <summary>Length of the log when the file system was there, and empty.</summary>
    internal int FormattedAt { get; private set; }

    internal CutStream[] Run(int seed, int lives, TimeSpan lifeTime, string[] arguments)
    {
        using var mounted = new LoopMount(_disk.File, _mountPoint, format: true);
        SystemCommand.Run("sync", "-f", _mountPoint);
        FormattedAt = Log.Count;
        string data = Path.Combine(_mountPoint, "data");
        ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", arguments, Tool.ProgramPath);
        try
        {
            using Connection publishing = Connection.Connect(broker.Address);
            using Connection consuming = Connection.Connect(broker.Address);
            CutStream[] streams = [.. Levels.Select((level, i) => new CutStream(publishing, consuming, i, level, seed, Log))];
            for (int life = 0; life < lives; life++)
            {
                if (life > 0)
                {
                    string address = broker.Address;
                    broker.Kill();
                    broker.Dispose();
                    broker = ChildBroker.Start(data, address, arguments, Tool.ProgramPath);
                }
                PublishFor(streams, lifeTime);
            }
            Assert.Null(streams.Select(stream => stream.Trouble ?? stream.Error?.Message).FirstOrDefault(text => text != null));
            (int code, IReadOnlyList<string> lines) = broker.Stop();
            Assert.True(code == 0, string.Join('\n', lines));
            MovedRecords = MovedCounter.Count(data);
            Array.ForEach(streams, stream => stream.Dispose());
            return streams;
        }
        finally
        {
            broker.Dispose();
        }
    }

    public void Dispose() => _disk.Dispose();

    private static void PublishFor(CutStream[] streams, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        for (int turn = 0; Stopwatch.GetElapsedTime(start) < time; turn++)
        {
            foreach (CutStream stream in streams)
            {
                for (int burst = turn % 5; burst >= 0; burst--)
                    stream.Publish();
            }
            // A few thousand a second: small groups, many flushes.
            if (turn % 4 == 0)
                Thread.Sleep(1);
        }
    }
}
