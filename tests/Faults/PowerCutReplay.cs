using LowLatency.Client;
using LowLatency.Server.Cli;
using LowLatency.Server.Demo;
using LowLatency.Tests.Cli;
using LowLatency.Tests.Journals;

namespace LowLatency.Tests.Faults;

/// <summary>The second half of a power cut: the disk as it may have been, and a broker that starts on it.</summary>
internal sealed class PowerCutReplay
{
    private const int SectorLength = 512;
    private const int PageLength = 4096;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly BlockLog _log;
    private readonly Random _random;
    private readonly byte[] _durable;
    private readonly byte[] _disk;
    private readonly string _image;
    private readonly string _mountPoint;
    private int _durableTo;

    internal PowerCutReplay(TemporaryFolder folder, BlockLog log, long length, int seed)
    {
        _log = log;
        _random = new Random(seed ^ 0x5EED);
        _durable = new byte[length];
        _disk = new byte[length];
        _image = folder.File("image");
        _mountPoint = folder.File("replayed");
        Directory.CreateDirectory(_mountPoint);
    }

    /// <summary>Messages that were there after all cuts.</summary>
    internal long Recovered { get; private set; }

    /// <summary>Cuts with writes that were not flushed.</summary>
    internal int Partial { get; private set; }

    /// <summary>Writes of which some sectors came through.</summary>
    internal long Torn { get; private set; }

    /// <summary>Cuts the power after so many entries of the log. Cuts come in rising order.</summary>
    /// <returns>What is wrong, or null.</returns>
    internal string? Cut(int cut, CutStream[] streams, string[] arguments)
    {
        Build(cut);
        WriteImage();
        try
        {
            using var mounted = new LoopMount(_image, _mountPoint, format: false);
            return Recover(Path.Combine(_mountPoint, "data"), cut, streams, arguments);
        }
        catch (Exception error) when (error is CliException or LowLatencyException)
        {
            return $"The broker did not start, or did not serve: {error.Message}";
        }
    }

    /// <summary>Keeps the disk of the last cut for a look.</summary>
    internal string Keep()
    {
        string kept = Path.Combine(Path.GetTempPath(), $"lowlatency-power-cut-{Environment.ProcessId}.ext4");
        WriteImage();
        File.Copy(_image, kept, overwrite: true);
        return kept;
    }

    private void Build(int cut)
    {
        int durableTo = _log.DurableBelow(cut);
        for (; _durableTo < durableTo; _durableTo++)
            Store(_durable, _log[_durableTo], 1, tears: false);
        _durable.CopyTo(_disk, 0);
        if (durableTo == cut)
            return;
        Partial++;
        double share = _random.Next(4) switch { 0 => 0, 1 => 1, _ => _random.NextDouble() };
        bool tears = _random.Next(2) == 0;
        for (int i = durableTo; i < cut; i++)
        {
            if (!_log[i].IsFlush)
                Store(_disk, _log[i], share, tears);
        }
    }

    /// <summary>Stores a write: page by page, or sector by sector, each with that probability.</summary>
    private void Store(byte[] disk, BlockWrite write, double share, bool tears)
    {
        if (write.IsFlush)
            return;
        if (share >= 1 && !tears)
        {
            write.Bytes!.CopyTo(disk, write.Offset);
            return;
        }
        int unit = tears && _random.Next(3) == 0 ? SectorLength : PageLength;
        if (unit == SectorLength)
            Torn++;
        for (int at = 0; at < write.Bytes!.Length; at += unit)
        {
            if (_random.NextDouble() < share)
                write.Bytes.AsSpan(at, Math.Min(unit, write.Bytes.Length - at)).CopyTo(disk.AsSpan((int)write.Offset + at));
        }
    }

    private void WriteImage()
    {
        File.Delete(_image);
        using FileStream image = File.Create(_image);
        image.SetLength(_disk.Length);
        const int chunk = 65_536;
        for (int at = 0; at < _disk.Length; at += chunk)
        {
            if (!_disk.AsSpan(at, chunk).ContainsAnyExcept((byte)0))
                continue;
            image.Position = at;
            image.Write(_disk, at, chunk);
        }
    }

    private string? Recover(string data, int cut, CutStream[] streams, string[] arguments)
    {
        using ChildBroker broker = ChildBroker.Start(data, "tcp://127.0.0.1:0", arguments, Tool.ProgramPath);
        try
        {
            using Connection connection = Connection.Connect(broker.Address);
            foreach (CutStream stream in streams)
            {
                List<byte[]> recovered = QueueDrain.Read(connection, stream.Queue, Patience);
                Recovered += recovered.Count;
                if (stream.Judge(cut, recovered) is { } wrong)
                    return wrong;
            }
            return null;
        }
        finally
        {
            broker.Kill();
        }
    }
}
