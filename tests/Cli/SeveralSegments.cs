using System.Security.Cryptography;
using LowLatency.Core.Journal;

namespace LowLatency.Tests.Cli;

/// <summary>Two journals of several segments, each of a broker that was stopped in order. To be copied.</summary>
public sealed unsafe class SeveralSegments : IDisposable
{
    private readonly ToolBroker _broker = new(["--segment-size", "1MiB"]);
    private readonly ToolBroker _other = new(["--segment-size", "1MiB"]);

    /// <summary>Publishes and stops.</summary>
    public SeveralSegments()
    {
        foreach (ToolBroker broker in (ToolBroker[])[_broker, _other])
        {
            byte[] lines = new byte[2_200_000];
            for (int i = 0; i < lines.Length; i++)
                lines[i] = i % 1000 == 999 ? (byte)'\n' : (byte)'x';
            using Tool pub = Tool.Run(lines, "pub", "orders", "-c", broker.Address, "--durability", "process");
            if (pub.ExitCode != 0 || broker.Stop() != 0)
                throw new InvalidOperationException($"The journal was not made: {pub.Error}{broker.Tool.Error}");
        }
    }

    internal string Folder => _broker.Folder;

    /// <summary>Another journal, whose segments have the same names.</summary>
    internal string Other => _other.Folder;

    /// <summary>Number of the segment with the end in it. The one after it is prepared.</summary>
    internal const int Active = 2;

    /// <summary>Names and content of the files of a folder, save the lock's; of a file its content.</summary>
    internal static string Hashes(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? File.ReadAllText(path) : "";
        IEnumerable<string> files = Directory.EnumerateFiles(path).Where(file => Path.GetFileName(file) != JournalFiles.Lock).Order(StringComparer.Ordinal);
        return string.Join('\n', files.Select(file => $"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))}"));
    }

    /// <summary>Gives a segment the header that a format of another version may have.</summary>
    internal static void ChangeVersion(string file, uint version)
    {
        byte[] bytes = File.ReadAllBytes(file);
        BitConverter.GetBytes(version).CopyTo(bytes, SegmentLayout.Version);
        bytes[SegmentLayout.FieldsLength] = 1; // A field that this format does not have.
        File.WriteAllBytes(file, bytes);
    }

    /// <summary>Appends a record to the journal's end, as a broker would write it.</summary>
    /// <returns>Its position.</returns>
    internal static long AppendRecord(string folder, byte version, RecordType type)
    {
        string file = Path.Combine(folder, JournalFiles.Segment(Active));
        byte[] bytes = File.ReadAllBytes(file);
        fixed (byte* memory = bytes)
        {
            SegmentLayout.TryRead(memory, out SegmentHeader segment);
            long start = segment.SegmentId * segment.Size;
            int offset = SegmentLayout.HeaderLength;
            uint epoch = segment.Epoch;
            while (*(int*)(memory + offset) != 0)
            {
                epoch = *(uint*)(memory + offset + RecordLayout.Epoch);
                offset += RecordLayout.AlignedLength(RecordLayout.BodyLength(memory + offset));
            }
            byte* header = memory + offset;
            *(long*)(header + RecordLayout.Position) = start + offset;
            *(ushort*)(header + RecordLayout.Type) = (ushort)type;
            *(ushort*)(header + RecordLayout.FlagsAndVersion) = (ushort)(version << 8);
            *(uint*)(header + RecordLayout.Epoch) = epoch;
            *(uint*)(header + RecordLayout.BodyCrc) = RecordLayout.ComputeBodyCrc(header + RecordLayout.HeaderLength, 32);
            *(uint*)(header + RecordLayout.HeaderCrc) = RecordLayout.ComputeHeaderCrc(header, RecordLayout.HeaderLength + 32, RecordLayout.Seed(segment.JournalId, segment.SegmentId));
            *(int*)header = RecordLayout.HeaderLength + 32;
            File.WriteAllBytes(file, bytes);
            return start + offset;
        }
    }

    /// <summary>Removes the journals.</summary>
    public void Dispose()
    {
        _broker.Dispose();
        _other.Dispose();
    }
}
